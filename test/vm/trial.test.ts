// SPDX-License-Identifier: MIT
/**
 * What installing a kernel must never do is take the machine away. This is the part of the virtual machines' tests that
 * CI runs: a kernel is tried once, nothing is heard of it, and the one before is back and the new one removed.
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

test.for(LOADERS)('%s: a kernel boots once, and never again when nothing was heard of it', async (loader) => {
  const {stock, newer, fate} = trials
  const options = await trials.beforeTrial(loader)
  // The report powers off in the initramfs: a trial without a sign of life.
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
