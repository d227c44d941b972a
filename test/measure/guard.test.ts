// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {refuseToBreakIsolation} from '../../src/measure/guard.ts'
import {goodFiles, PF_KTHREAD, reader, taskFiles} from '../support/machine.ts'

const APP = taskFiles({tid: 812, comm: 'app', cpu: 2, allowed: '2'})
const record = (tid: number, state: string) => ({
  [`/proc/${tid}/task/${tid}/task_isolation`]: `state:\t${state}\ncpu:\t2\n`,
})
const refused = async (files: Readonly<Record<string, string>>) =>
  refuseToBreakIsolation(reader({...goodFiles(), ...files})).then(
    () => undefined,
    (error: Error) => error.message,
  )

test('a program that runs isolated there stops a measurement', async () => {
  expect(await refused({...APP, ...record(812, 'isolated')})).toBe(
    'app [812] runs isolated on CPU 2: a measurement there would end its isolation',
  )
})

test.each([
  ['one that only ran there', {...APP, ...record(812, 'off')}],
  ['one whose state cannot be read', APP],
  [
    'one on another CPU',
    {...taskFiles({tid: 813, comm: 'other', cpu: 1, allowed: '0-1'}), ...record(813, 'isolated')},
  ],
  [
    'a kernel thread',
    {...taskFiles({tid: 9, comm: 'k', flags: PF_KTHREAD, cpu: 2, allowed: '2'}), ...record(9, 'isolated')},
  ],
])('%s does not stop a measurement', async (_, files) => {
  expect(await refused(files)).toBeUndefined()
})

test('a kernel without task isolation is not searched', async () => {
  const {'/sys/devices/system/cpu/task_isolation': _, ...files} = {
    ...goodFiles(),
    ...APP,
    ...record(812, 'isolated'),
  }
  await expect(
    refuseToBreakIsolation(reader({...files, '/sys/devices/system/cpu/isolated': '2-3\n'})),
  ).resolves.toBeUndefined()
})
