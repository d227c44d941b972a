// SPDX-License-Identifier: MIT
import {captureOutput} from '@oclif/test'
import {expect, test} from 'vitest'
import {reportFailure} from '../../src/ui/failure.ts'

async function told(error: unknown): Promise<{text: string; exit: number}> {
  const {stderr} = await captureOutput(async () => reportFailure(error, {json: false, verbose: false}))
  const exit = Number(process.exitCode)
  process.exitCode = 0
  return {text: stderr, exit}
}
const failing = (run: () => unknown): unknown => {
  try {
    return run()
  } catch (error) {
    return error
  }
}

test.each([
  ['a value that is none', failing(() => (undefined as unknown as string).length)],
  [
    'too much recursion',
    failing(function deep(): unknown {
      return deep()
    }),
  ],
  ['something that is no error', 'text'],
])('%s is a bug', async (_, error) => {
  expect(await told(error)).toMatchObject({
    exit: 69,
    text: expect.stringContaining('this is a bug in isolctl'),
  })
})

test.each([
  [
    'a loop of links',
    Object.assign(new Error('ELOOP: too many symbolic links, open /x'), {code: 'ELOOP'}),
    69,
  ],
  ['a full disk', Object.assign(new Error('ENOSPC: no space left'), {code: 'ENOSPC'}), 69],
  ['a damaged tree', new Error('/proc/irq does not exist'), 69],
  ['a cpulist that is none', new RangeError('not a cpulist: "x"'), 69],
  ['a signal', Object.assign(new Error('The operation was aborted'), {name: 'AbortError'}), 130],
])('%s is no bug', async (_, error, exit) => {
  const seen = await told(error)
  expect(seen.exit).toBe(exit)
  expect(seen.text).not.toContain('bug')
})
