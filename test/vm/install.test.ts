// SPDX-License-Identifier: MIT
/**
 * Kernels installed, tried, promoted and removed in a real Debian, without an operator at the
 * console.
 */
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {faultFiles, spoil} from './support/broken.ts'
import {bootReport, startVm} from './support/machine.ts'
import {INSTALL, openTrials, type Trials} from './support/trials.ts'
import {cutting, inside, LOADERS} from './support/workshop.ts'

let trials: Trials
/** The distribution's kernel, and the one on trial. */
let stock: string
let newer: string
let fate: Trials['fate']

beforeAll(async () => {
  trials = await openTrials(faultFiles)
  ;({stock, newer, fate} = trials)
})
afterAll(() => trials.close())

/** isolctl's record of it. */
const RECORD = '/var/lib/isolctl/kernels/*.json'

describe.for(LOADERS)('%s', (loader) => {
  test('a kernel boots once, and permanently after a successful trial', async () => {
    const options = await trials.beforeTrial(loader)
    {
      await using vm = await startVm(options)
      expect((await vm.ready()).release).toBe(newer)
      await vm.must('while systemctl list-jobs | grep -q isolctl-trial; do sleep 1; done')
      expect(await fate(vm)).toMatchObject({running: true, default: true, fate: {what: 'promoted'}})
      const removal = await vm.sh(`isolctl kernel remove ${newer}`)
      expect(removal).toMatchObject({exitCode: 69, stderr: expect.stringContaining('cannot be removed')})
      await vm.powerOff()
    }
    const promoted = await bootReport(options)
    expect(promoted.release).toBe(newer)
    expect(promoted.cmdline).not.toContain('isolctl')
    await inside(options, (vm) => vm.must('isolctl kernel rollback --quiet'))
    expect((await bootReport(options)).release).toBe(stock)
  })

  test('a kernel that fails its trial is replaced by the old one without an operator', async () => {
    const options = await trials.beforeTrial(loader)
    // As if it had been installed with --gate verify: a second installation would be most of the
    // time of this test.
    await inside(await trials.pastLoader(options, loader), (vm) =>
      vm.must(`sed -i 's/"gate": "boot"/"gate": "verify"/' ${RECORD}; grep -q verify ${RECORD}`),
    )
    await using vm = await startVm(options)
    expect(await trials.afterTrial(vm)).toBe(stock)
    expect(await fate(vm), vm.console()).toMatchObject({
      default: false,
      fate: {what: 'judged-bad', text: expect.stringContaining('no task isolation')},
    })
    await vm.powerOff()
  })

  // In the initramfs, without an init system that could help: the kernel itself has to panic.
  test.for(['panics', 'spins', 'has no driver for its root'] as const)(
    'a kernel that %s is replaced by the old one without an operator',
    async (fault) => {
      const options = await trials.beforeTrial(loader)
      await inside(await trials.pastLoader(options, loader), (vm) => vm.must(spoil(fault, newer)))
      await inside(options, async (vm) => {
        expect((await vm.must('uname -r')).trim()).toBe(stock)
        expect(vm.console()).toMatch(CONSOLE[fault])
        expect(await fate(vm)).toMatchObject({
          default: false,
          fate: {what: 'trial-failed', text: expect.stringContaining('did not get as far as user space')},
        })
      })
    },
  )

  test('a kernel that freezes is replaced by the old one on a machine with a watchdog', async () => {
    // At its own address: the firmware identifies the disk by its place on the bus, which must not
    // change.
    const options = {...(await trials.beforeTrial(loader)), cpus: 1, qemu: ['-device', 'i6300esb,addr=0x10']}
    await inside(await trials.pastLoader(options, loader), (vm) => vm.must(spoil('freezes', newer)))
    await using vm = await startVm(options)
    expect((await vm.ready()).release).toBe(newer)
    vm.begin('touch /run/vm-freeze')
    expect((await vm.ready()).release).toBe(stock)
    expect((await fate(vm))?.fate).toMatchObject({
      what: 'trial-failed',
      text: expect.stringContaining('panicked or hung before it was judged'),
    })
    await vm.powerOff()
  })

  test('a kernel with which the machine does not come up in time is replaced by the old one', async () => {
    const options = await trials.machine(loader)
    await inside(options, async (vm) => {
      await vm.must(`printf '[Service]\nType=oneshot\nExecStart=sleep infinity\n' >/etc/systemd/system/never.service
        ln -s ../never.service /etc/systemd/system/multi-user.target.wants/`)
      await vm.must(`${INSTALL} --confirm-within 20s`)
    })
    await using vm = await startVm(options)
    expect(await trials.afterTrial(vm)).toBe(stock)
    expect((await fate(vm))?.fate).toMatchObject({
      what: 'trial-failed',
      text: expect.stringContaining('was not judged in time'),
    })
    await vm.powerOff()
  })

  test('a power cut at any moment of an installation: the machine boots, and the installation can be repeated', async () => {
    const options = await trials.machine(loader)
    const {exitCode, left} = await inside(options, (vm) => cutting(vm, INSTALL))
    expect(exitCode).toBe(0)
    expect(left.length).toBeGreaterThan(4)
    const booted: string[] = []
    for (const remains of left) {
      const {release, cmdline} = await bootReport(remains)
      const trial = cmdline.includes(`isolctl.trial=${newer}`)
      booted.push(trial ? 'trial' : release)
      // In every case the old kernel boots in the end.
      if (trial) expect((await bootReport(remains)).release).toBe(stock)
    }
    expect(booted.filter((each) => each !== stock && each !== 'trial')).toEqual([])
    expect([booted[0], booted.at(-1)]).toEqual([stock, 'trial'])
    const midway = left[Math.floor(left.length / 2)] ?? options
    await inside(midway, async (vm) => {
      expect((await fate(vm))?.fate?.what).toBe('unfinished')
      await vm.must(INSTALL)
    })
    expect((await bootReport(midway)).cmdline).toContain(`isolctl.trial=${newer}`)
    expect((await bootReport(midway)).release).toBe(stock)
  })
})

/** Messages about it from the kernel or its initramfs. */
const CONSOLE = {
  panics: /Kernel panic - not syncing: Fatal exception/,
  spins: /Kernel panic - not syncing: softlockup/,
  'has no driver for its root': /Rebooting automatically due to panic= boot argument/,
} as const
