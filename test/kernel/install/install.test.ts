// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {
  type InstallOptions,
  install,
  listKernels,
  planInstall,
  promote,
  remove,
  rollback,
} from '../../../src/kernel/install/install.ts'
import {grubMachine, OURS, STOCK} from './grub-machine.ts'

const options: InstallOptions = {
  file: '/root/kernel.deb',
  gate: 'boot',
  confirmWithinMs: 60_000,
  isolctl: ['/usr/bin/node', '/usr/lib/isolctl/bin/run.js'],
}
type Machine = ReturnType<typeof grubMachine>
const go = async ({ground}: Machine) => install(ground, options, await planInstall(ground, options))
const rebooted = ({ground, memory}: Machine, release: string, cmdline = '') => {
  memory.files.set('/proc/cmdline', `root=UUID=1234 ro ${cmdline}\n`)
  return {...ground, running: release, bootId: 'boot-2'}
}
const fate = async (machine: Machine) =>
  (await listKernels(machine.ground)).find(({release}) => release === OURS)?.fate?.what

describe('an installed kernel', () => {
  test('boots once and then the old one, although GRUB would prefer it', async () => {
    const machine = grubMachine()
    expect(await go(machine)).toMatchObject({state: 'armed', knownGood: STOCK})
    expect(machine.memory.files.get('/boot/grub/custom.cfg')).toMatch(
      /linux \/boot\/vmlinuz-6\.12\.1-isolctl root=UUID=1234 ro quiet panic=30 .*isolctl\.trial=6\.12\.1-isolctl/,
    )
    expect(await fate(machine)).toBe('waiting')
    expect(machine.next()).toBe(OURS)
    expect(machine.next()).toBe(STOCK)
    expect(await fate(machine)).toBe('trial-failed')
  })

  test('is the default once it was promoted, and not after a rollback', async () => {
    const machine = grubMachine()
    await go(machine)
    machine.next()
    await promote(rebooted(machine, OURS, `isolctl.trial=${OURS}`), OURS, 'passed')
    expect(machine.next()).toBe(OURS)
    expect(machine.memory.files.has('/boot/grub/custom.cfg')).toBe(false)
    await rollback(rebooted(machine, OURS), OURS)
    expect(machine.next()).toBe(STOCK)
  })

  test('is listed with the patches in it', async () => {
    const machine = grubMachine()
    const series = {base: '6.12', patches: 15, sha256: 'cd4c79'}
    const build = {key: 'k', buildId: 'abcd', configSha256: 'x', series}
    await install(machine.ground, {...options, build}, await planInstall(machine.ground, options))
    expect(await listKernels(machine.ground)).toMatchObject([
      {release: STOCK, running: true},
      {release: OURS, series},
    ])
  })

  test('goes without a trace', async () => {
    const machine = grubMachine()
    const before = new Map(machine.memory.files)
    await go(machine)
    await remove(machine.ground, OURS)
    expect(Object.fromEntries(machine.memory.files)).toEqual(Object.fromEntries(before))
  })
})

describe('a power cut at any moment of the installation', () => {
  const steps: string[] = []
  const counted = grubMachine({refuse: (what) => void steps.push(what)})

  test('leaves a machine that boots the old kernel, or the trial once; and it can be repeated', async () => {
    await go(counted)
    expect(steps.length).toBeGreaterThan(12)
    // GRUB replays no journal: what grub-reboot wrote must be in its place.
    expect(steps[steps.indexOf('grub-reboot') + 1]).toBe('checkpoint')
    for (let cut = 1; cut <= steps.length; cut++) {
      let done = 0
      let on = true
      const machine = grubMachine({
        refuse: () => {
          if (on && ++done >= cut) throw new Error('power cut')
        },
      })
      await expect(go(machine)).rejects.toThrow()
      on = false
      const [first, second] = [machine.next(), machine.next()]
      expect([STOCK, OURS], `cut ${cut}, before ${steps[cut - 1]}`).toContain(first)
      expect(second, `cut ${cut}, before ${steps[cut - 1]}`).toBe(STOCK)
      expect((await go(machine)).state).toBe('armed')
      expect([machine.next(), machine.next()]).toEqual([OURS, STOCK])
      expect([...machine.memory.files.keys()].filter((path) => path.includes('/.isolctl-'))).toEqual([])
    }
  })
})

describe('what is refused, and nothing touched', () => {
  test.for([
    [
      'a boot loader that cannot take back a one-shot boot',
      {abstraction: 'lvm'},
      'GRUB cannot write to /boot/grub (lvm)',
    ],
    ['a file system it cannot write', {fs: 'btrfs'}, 'GRUB cannot write to /boot/grub (btrfs)'],
    ['a full disk', {free: 1e6}, '/boot has 1 MB left'],
  ] as const)('%s', async ([, over, message]) => {
    const machine = grubMachine(over)
    const before = new Map(machine.memory.files)
    await expect(go(machine)).rejects.toThrow(message)
    expect(machine.memory.files).toEqual(before)
  })

  test('ground that cannot be kept: no entry for the kernel that runs', async () => {
    const machine = grubMachine()
    machine.ground = {...machine.ground, running: '5.10.0-9-amd64'}
    const before = new Map(machine.memory.files)
    await expect(go(machine)).rejects.toThrow('GRUB has no entry for 5.10.0-9-amd64')
    expect(machine.memory.files).toEqual(before)
  })

  test('the kernel that runs', async () => {
    const machine = grubMachine()
    await go(machine)
    const running = {...machine, ground: rebooted(machine, OURS)}
    await expect(go(running)).rejects.toThrow('is the kernel that runs')
    await expect(remove(running.ground, OURS)).rejects.toThrow('cannot be removed')
  })

  test('a kernel that does not run is not promoted', async () => {
    const machine = grubMachine()
    await go(machine)
    await expect(promote(machine.ground, OURS, 'by hand')).rejects.toThrow('does not run')
  })

  test("a kernel that somebody else installed, and somebody else's custom.cfg", async () => {
    const machine = grubMachine()
    machine.memory.files.set(`/boot/vmlinuz-${OURS}`, 'theirs')
    await expect(go(machine)).rejects.toThrow('not by isolctl')
    machine.memory.files.delete(`/boot/vmlinuz-${OURS}`)
    machine.memory.files.set('/boot/grub/custom.cfg', 'menuentry theirs {\n}\n')
    await expect(go(machine)).rejects.toThrow("somebody else's")
    expect(machine.memory.files.get('/boot/grub/custom.cfg')).toBe('menuentry theirs {\n}\n')
  })
})
