// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import cmdlineMisread from '../../src/checks/cmdline-misread.ts'
import {type Result, runChecks} from '../../src/checks/run.ts'
import {commandLineSize} from '../../src/facts/command-line-limit.ts'
import {gatherer} from '../../src/facts/fact.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {changed, reader} from '../support/machine.ts'

const ARCH = '/proc/sys/kernel/arch'
const X86 = {'/proc/cpuinfo': 'flags\t\t: fpu tsc\n'}

test.for<readonly [Readonly<Record<string, string>>, number | RegExp]>([
  [{[ARCH]: 'x86_64\n'}, 2048],
  [{[ARCH]: 'riscv64\n'}, 1024],
  [{[ARCH]: 's390x\n'}, 4096],
  [X86, 2048],
  [{[ARCH]: 'sparc64\n', ...X86}, /sparc64 is not known/],
  [{'/proc/cpuinfo': 'processor\t: 0\n'}, /no flags/],
])('%j', async ([files, limit]) => {
  const size = gatherer(memoryHost(files))(commandLineSize)
  if (typeof limit === 'number') expect(await size).toBe(limit)
  else await expect(size).rejects.toThrow(limit)
})

async function misread(bytes: number, arch: string): Promise<Result['status'] | undefined> {
  const get = reader(changed({'/proc/cmdline': 'x'.repeat(bytes), [ARCH]: `${arch}\n`}))
  for await (const {status} of runChecks([cmdlineMisread], get, {clock: () => 0})) return status
  return undefined
}

test('the boot arguments are judged by the limit of the machine', async () => {
  expect(await misread(1500, 'x86_64')).toBe('ok')
  expect(await misread(1500, 'riscv64')).toBe('fail')
  expect(await misread(3000, 's390x')).toBe('ok')
  expect(await misread(1500, 'sparc64')).toBe('unknown')
  expect(await misread(1000, 'sparc64')).toBe('ok')
})
