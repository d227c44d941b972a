// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {execa} from 'execa'
import {expect, test} from 'vitest'

const program = join(import.meta.dirname, 'fixtures/streaming-lab.ts')

test.concurrent.for([
  ['>/dev/null 2>&1', 7],
  ['2>/dev/full >/dev/null', 7],
  ['2>&- >/dev/null', 7],
  ['>/dev/full 2>/dev/null', 74],
  ['2>/dev/null | head -n1; exit "$PIPESTATUS"', 141],
] as const)('the output of lab run %s: exit code %i', async ([redirection, exit]) => {
  const {exitCode} = await execa('bash', ['-c', `"$0" "$1" ${redirection}`, process.execPath, program], {
    reject: false,
    stdin: 'ignore',
  })
  expect(exitCode).toBe(exit)
})
