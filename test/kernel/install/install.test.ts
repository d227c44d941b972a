// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {type InstallOptions, install, planInstall} from '../../../src/kernel/install/install.ts'
import {listKernels} from '../../../src/kernel/install/list.ts'
import {promote, remove, rollback} from '../../../src/kernel/install/promote.ts'
import {grubMachine, OURS, STOCK} from './grub-machine.ts'

const options: InstallOptions = {
  file: '/root/kernel.deb',
  gate: 'boot',
  confirmWithinMs: 60_000,
  isolctl: ['/usr/bin/node', '/usr/lib/isolctl/bin/run.js'],
}
type Machine = ReturnType<typeof grubMachine>
const go = async ({machine}: Machine) => install(machine, options, await planInstall(machine, options))
const rebooted = ({machine, memory}: Machine, release: string, cmdline = '') => {
  memory.files.set('/proc/cmdline', `root=UUID=1234 ro ${cmdline}\n`)
  return {...machine, running: release, bootId: 'boot-2'}
}
const fate = async ({machine}: Machine) =>
  (await listKernels(machine)).find(({release}) => release === OURS)?.fate?.what

describe('an installed kernel', () => {
  test('boots once, then the old kernel boots, although GRUB would prefer the new one', async () => {
    const grub = grubMachine()
    expect(await go(grub)).toMatchObject({state: 'armed', knownGood: STOCK})
    expect(grub.memory.files.get('/boot/grub/custom.cfg')).toMatch(
      /linux \/boot\/vmlinuz-6\.12\.1-isolctl root=UUID=1234 ro quiet panic=30 .*isolctl\.trial=6\.12\.1-isolctl/,
    )
    expect(await fate(grub)).toBe('waiting')
    expect(grub.next()).toBe(OURS)
    expect(grub.next()).toBe(STOCK)
    expect(await fate(grub)).toBe('trial-failed')
  })

  test('is the default after it was promoted, and not after a rollback', async () => {
    const grub = grubMachine()
    await go(grub)
    grub.next()
    await promote(rebooted(grub, OURS, `isolctl.trial=${OURS}`), OURS, 'passed')
    expect(grub.next()).toBe(OURS)
    expect(grub.memory.files.has('/boot/grub/custom.cfg')).toBe(false)
    await rollback(rebooted(grub, OURS), OURS)
    expect(grub.next()).toBe(STOCK)
  })

  test('is listed with the patches in it', async () => {
    const grub = grubMachine()
    const series = {base: '6.12', patches: 15, sha256: 'cd4c79'}
    const build = {key: 'k', buildId: 'abcd', configSha256: 'x', series}
    await install(grub.machine, {...options, build}, await planInstall(grub.machine, options))
    expect(await listKernels(grub.machine)).toMatchObject([
      {release: STOCK, running: true},
      {release: OURS, series},
    ])
  })

  test('is removed with every file of it', async () => {
    const grub = grubMachine()
    const before = new Map(grub.memory.files)
    await go(grub)
    await remove(grub.machine, OURS)
    expect(Object.fromEntries(grub.memory.files)).toEqual(Object.fromEntries(before))
  })
})

describe('a power cut at any moment of the installation', () => {
  const steps: string[] = []
  const counted = grubMachine({refuse: (what) => void steps.push(what)})

  test('leaves a machine that boots the old kernel, or the trial once; the installation can be repeated', async () => {
    await go(counted)
    expect(steps.length).toBeGreaterThan(12)
    // GRUB replays no journal: what grub-reboot wrote must be checkpointed.
    expect(steps[steps.indexOf('grub-reboot') + 1]).toBe('checkpoint')
    for (let cut = 1; cut <= steps.length; cut++) {
      let done = 0
      let on = true
      const grub = grubMachine({
        refuse: () => {
          if (on && ++done >= cut) throw new Error('power cut')
        },
      })
      await expect(go(grub)).rejects.toThrow()
      on = false
      const [first, second] = [grub.next(), grub.next()]
      expect([STOCK, OURS], `cut ${cut}, before ${steps[cut - 1]}`).toContain(first)
      expect(second, `cut ${cut}, before ${steps[cut - 1]}`).toBe(STOCK)
      expect((await go(grub)).state).toBe('armed')
      expect([grub.next(), grub.next()]).toEqual([OURS, STOCK])
      expect([...grub.memory.files.keys()].filter((path) => path.includes('/.isolctl-'))).toEqual([])
    }
  })
})

describe('what is refused without a change', () => {
  test.for([
    [
      'a boot loader that cannot clear a one-shot boot',
      {abstraction: 'lvm'},
      'GRUB cannot write to /boot/grub (lvm)',
    ],
    ['a file system that GRUB cannot write', {fs: 'btrfs'}, 'GRUB cannot write to /boot/grub (btrfs)'],
    ['a full disk', {free: 1e6}, '/boot has 1 MB left'],
  ] as const)('%s', async ([, over, message]) => {
    const grub = grubMachine(over)
    const before = new Map(grub.memory.files)
    await expect(go(grub)).rejects.toThrow(message)
    expect(grub.memory.files).toEqual(before)
  })

  test('a running kernel without a boot entry', async () => {
    const grub = grubMachine()
    grub.machine = {...grub.machine, running: '5.10.0-9-amd64'}
    const before = new Map(grub.memory.files)
    await expect(go(grub)).rejects.toThrow('GRUB has no entry for 5.10.0-9-amd64')
    expect(grub.memory.files).toEqual(before)
  })

  test('the running kernel', async () => {
    const grub = grubMachine()
    await go(grub)
    const running = {...grub, machine: rebooted(grub, OURS)}
    await expect(go(running)).rejects.toThrow('is the running kernel')
    await expect(remove(running.machine, OURS)).rejects.toThrow('cannot be removed')
  })

  test('a kernel that does not run is not promoted', async () => {
    const grub = grubMachine()
    await go(grub)
    await expect(promote(grub.machine, OURS, 'by hand')).rejects.toThrow('does not run')
  })

  test('a kernel and a custom.cfg that isolctl did not write', async () => {
    const grub = grubMachine()
    grub.memory.files.set(`/boot/vmlinuz-${OURS}`, 'theirs')
    await expect(go(grub)).rejects.toThrow('not by isolctl')
    grub.memory.files.delete(`/boot/vmlinuz-${OURS}`)
    grub.memory.files.set('/boot/grub/custom.cfg', 'menuentry theirs {\n}\n')
    await expect(go(grub)).rejects.toThrow('was not written by isolctl')
    expect(grub.memory.files.get('/boot/grub/custom.cfg')).toBe('menuentry theirs {\n}\n')
  })
})
