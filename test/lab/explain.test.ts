// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {type Workshop, workshop} from '../launch/compile.ts'
import {testKernel} from './kernel.ts'
import {launchGuest} from './launching.ts'

let kernel: string
let shop: Workshop
let threads: string
beforeAll(async () => {
  await execa(process.execPath, ['scripts/build.ts'], {cwd: packageRoot})
  kernel = await testKernel()
  shop = await workshop()
  threads = await shop.compile('test/launch/fixtures/threads.c', 'threads')
})
afterAll(() => shop?.[Symbol.asyncDispose]())

test('--explain-breaks shows where a break was made: while it is judged, and after it', async () => {
  const {text, stdout} = await launchGuest(
    `
    launch="node bin/run.js launch --cpus 3 --allow-guest --explain-breaks"
    $launch --on-break report -- ${threads} later & P=$!
    isolated $P 1 || exit 99; sleep 14; kill $P; wait $P; echo "report $?"; sleep 1
    $launch --end-grace 3s -- ${threads} later & P=$!
    isolated $P 1 || exit 98; wait $P; echo "kill $?"; sleep 1`,
    {kernel},
  )
  expect(stdout, text).toContain('report 143')
  expect(stdout, text).toContain('kill 137')
  expect(text.match(/isolation lost on CPU 3 .*: system call getppid \(110\)/g), text).toHaveLength(2)
  const explained = text.match(
    /later\[\d+\], where isolation was lost:\n {2}a later call of getppid was made here:\n(?: {4}.*\n)+/g,
  )
  expect(explained, text).toHaveLength(2)
  for (const one of explained ?? []) expect(one).toMatch(/^ {4}run \(threads\+0x[\da-f]+\)$/m)
})
