// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {execa} from 'execa'
import {expect, test} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {exitWithoutAnswer} from '../../src/ui/output.ts'

const shell = (line: string) =>
  execa('bash', ['-c', line, join(packageRoot, 'bin/dev.js'), process.execPath], {
    reject: false,
    env: {R: join(packageRoot, 'test/hosts/lab/bad-boot-arguments.tgz')},
    stdin: 'ignore',
  })

test.for([
  'preflight --root $R',
  'preflight --root $R --json',
  'preflight --root $R -o /dev/stdout --format tap',
  'plan --root $R --json',
  'topology',
  'status',
  'explain',
  'lint --cmdline /proc/cmdline --cpus 4 --kernel 6.12 --isolated 2-3',
  '--help',
  '--version',
  'status --watch 1s',
])('%s, on a full disk, exits with 74 and has no stack trace', async (words) => {
  const {exitCode, stderr} = await shell(`"$1" "$0" ${words} >/dev/full`)
  expect(exitCode).toBe(74)
  expect(stderr).not.toMatch(/^ +at /m)
})

test('a failure of its own keeps its exit code', async () => {
  expect((await shell('"$1" "$0" preflight --cpus 2- --json >/dev/full')).exitCode).toBe(2)
})

test('a reader that has ended gets no answer', async () => {
  expect((await shell('"$1" "$0" explain | true; exit "$' + '{PIPESTATUS[0]}"')).exitCode).toBe(74)
})

test('words on stderr that are lost do not change the exit code', async () => {
  expect((await shell('"$1" "$0" plan --cpus 2- 2>/dev/full')).exitCode).toBe(2)
})

test('only answers become 74', () => {
  expect([0, 1, 3, 10, 11].map(exitWithoutAnswer)).toEqual([74, 74, 74, 74, 74])
  expect([2, 4, 5, 69, 125, 130].map(exitWithoutAnswer)).toEqual([2, 4, 5, 69, 125, 130])
})
