// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {beforeAll, expect, it} from 'vitest'
import {testKernel} from './kernel.ts'

let kernel: string
beforeAll(async () => {
  kernel = await testKernel()
})

it('the demo passes its own checks', async () => {
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
  // For a terminal of 80 columns: only commands and lines with a path may be longer.
  expect(stdout.split('\n').filter((line) => line.length > 80 && !line.includes('/'))).toEqual([])
  expect(exitCode).toBe(0)
}, 600_000)
