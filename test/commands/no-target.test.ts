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

/** CPUs that the boot arguments list, on a machine with CPUs 0 to 3. */
const listed = (cpus: string, more: Readonly<Record<string, string | undefined>> = {}) =>
  plant(
    root,
    changed({
      '/boot': undefined,
      '/proc/cmdline': `isolcpus=domain,${cpus} nohz_full=${cpus}\n`,
      [`${CPU}/possible`]: '0-7\n',
      [`${CPU}/isolated`]: `${cpus}\n`,
      [`${CPU}/nohz_full`]: `${cpus}\n`,
      ...more,
    }),
  )
const judgement = async (...argv: readonly string[]) => {
  const {exit, stdout, stderr} = await isolctl(
    'preflight',
    '--passive',
    '--root',
    root,
    '--format',
    'json',
    ...argv,
  )
  expect(stderr).toBe('')
  const {
    host: {isolated},
    checks,
  } = JSON.parse(stdout) as {
    host: {isolated: string}
    checks: {id: string; status: string; findings?: {message: string}[]}[]
  }
  const found = (id: string) => checks.find((check) => check.id === id)
  return {exit, isolated, found, count: checks.length}
}

it('preflight judges boot arguments that list only CPUs that are not there', async () => {
  await listed('4-7')
  const {exit, isolated, found} = await judgement()
  expect({exit, isolated}).toEqual({exit: 1, isolated: ''})
  expect(found('cpus-exist-online')?.findings).toMatchObject([{message: 'there is no CPU 4-7'}])
})

it('preflight judges boot arguments that list only CPUs that are offline', async () => {
  await listed('2-3', {[`${CPU}/online`]: '0-1\n'})
  const {exit, found} = await judgement()
  expect(exit).toBe(1)
  expect(found('cpus-exist-online')?.findings).toMatchObject([{message: 'CPU 2-3 is offline'}])
})

it('preflight judges the others where the boot arguments list CPU 0', async () => {
  await listed('0,2-3')
  const {exit, isolated, found, count} = await judgement()
  expect({exit, isolated}).toEqual({exit: 1, isolated: '2-3'})
  expect(found('boot-cpu-not-isolated')).toMatchObject({status: 'fail'})
  expect(count).toBeGreaterThan(40)
})

it('preflight judges the others where a CPU of the config is offline', async () => {
  await listed('2-3', {
    [`${CPU}/online`]: '0-2\n',
    '/etc/isolctl/config.yaml': 'isolated: 2-3\n',
  })
  const {exit, isolated, found, count} = await judgement()
  expect({exit, isolated}).toEqual({exit: 1, isolated: '2'})
  expect(found('cpus-exist-online')?.findings).toMatchObject([{message: 'CPU 3 is offline'}])
  expect(count).toBeGreaterThan(40)
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
