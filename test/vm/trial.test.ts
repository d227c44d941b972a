// SPDX-License-Identifier: MIT
/**
 * The installation of a kernel must never make the machine unreachable. This is the part of the
 * tests in virtual machines that CI runs: a kernel is tried once, reports nothing, the previous
 * kernel boots again, and the new one is removed.
 */
import {afterAll, beforeAll, expect, test} from 'vitest'
import {bootReport} from './support/machine.ts'
import {openTrials, type Trials} from './support/trials.ts'
import {inside, LOADERS} from './support/workshop.ts'

let trials: Trials
beforeAll(async () => {
  trials = await openTrials()
})
afterAll(() => trials.close())

test.for(LOADERS)('%s: a kernel boots once, and never again without a report from it', async (loader) => {
  const {stock, newer, fate} = trials
  const options = await trials.beforeTrial(loader)
  // The report powers off in the initramfs: a trial without a sign that the kernel works.
  const trial = await bootReport(options)
  expect(trial).toMatchObject({release: newer, cmdline: expect.stringContaining(`isolctl.trial=${newer}`)})
  expect((await bootReport(options)).release).toBe(stock)
  await inside(options, async (vm) => {
    expect((await fate(vm))?.fate).toMatchObject({
      what: 'trial-failed',
      text: expect.stringContaining('did not get as far as user space'),
    })
    await vm.must(`isolctl kernel remove ${newer} --quiet`)
    expect(
      await vm.must('ls /boot /etc/default/grub.d /boot/grub/custom.cfg 2>/dev/null || true'),
    ).not.toMatch(new RegExp(`isolctl|custom.cfg|${newer.replaceAll('+', '\\+')}`))
  })
})
