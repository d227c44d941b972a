// SPDX-License-Identifier: MIT
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, expect, it} from 'vitest'
import {changed} from '../support/machine.ts'
import {isolctl, plant} from './isolctl.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
})
afterEach(() => rm(root, {recursive: true}))

const CPU = '/sys/devices/system/cpu'

/** A machine that was booted with these arguments, and isolates no CPU. */
const booted = (words: string) =>
  plant(
    root,
    changed({
      '/proc/config.gz': undefined,
      '/boot': undefined,
      '/proc/cmdline': `ro quiet ${words}\n`,
      [`${CPU}/isolated`]: '\n',
      [`${CPU}/nohz_full`]: '(null)\n',
    }),
  )

it.each([
  ['isolcpu=2-7', 'is isolcpus= meant?'],
  ["isolcpus='' nohz_full=''", 'a quote or an escape'],
])('preflight names the fault in %s although no CPU is isolated', async (words, fault) => {
  await booted(words)
  const {exit, stdout, stderr} = await isolctl('preflight', '--root', root)
  expect({exit, stderr}).toEqual({exit: 1, stderr: ''})
  expect(stdout).toContain(fault)
  expect(stdout).toMatch(/isolated no CPU[\s\S]*No CPU is isolated\./)
})

it('preflight asks for CPUs when the arguments have no fault, or it is allowed', async () => {
  await booted('')
  const missing = {exit: 2, stderr: expect.stringContaining('no CPU is isolated')}
  expect(await isolctl('preflight', '--root', root)).toMatchObject(missing)
  await booted('isolcpu=2-7')
  expect(await isolctl('preflight', '--root', root, '--allow', 'cmdline-misread')).toMatchObject(missing)
})

it('plan on an older kernel asks for no flag that it does not know', async () => {
  const noLoader = {'/boot': undefined, '/etc/default': undefined, '/usr/sbin/grub-mkconfig': undefined}
  await plant(
    root,
    changed({...noLoader, '/proc/config.gz': undefined, '/proc/sys/kernel/osrelease': '5.4.0-190-generic\n'}),
  )
  const {stdout} = await isolctl('plan', '--root', root, '--cpus', '3', '--only', 'boot-arguments')
  expect(stdout).toContain('isolcpus=nohz,domain,3')
  expect(stdout).not.toContain('managed_irq')
})
