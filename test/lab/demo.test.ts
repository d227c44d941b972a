// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {beforeAll, expect, it} from 'vitest'
import {testKernel} from './kernel.ts'

let kernel: string
beforeAll(async () => {
  kernel = await testKernel()
})

it('the demo holds what it claims', async () => {
  const {stdout, exitCode} = await execa(
    process.execPath,
    ['bin/run.js', 'lab', 'demo', '--kernel', kernel],
    {
      reject: false,
      stdin: 'ignore',
    },
  )
  expect(stdout.match(/^✖ .*/gm) ?? []).toEqual([])
  expect(stdout.match(/^✔ .*/gm)).toHaveLength(7)
  expect(stdout).toContain('Every claim above held.')
  // For a terminal of 80 columns: only commands and what names a path may be wider.
  expect(stdout.split('\n').filter((line) => line.length > 80 && !line.includes('/'))).toEqual([])
  expect(exitCode).toBe(0)
}, 600_000)
