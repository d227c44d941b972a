// SPDX-License-Identifier: MIT
/**
 * Take the captures in test/hosts/lab again: of the quiet lab machine, and with each disturbance of
 * its tests.
 *
 *   npm run captures
 */
import {mkdir, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import process from 'node:process'
import {labKernel} from '../src/lab/kernel.ts'
import {isolationArguments} from '../src/lab/machine.ts'
import {runInLab} from '../src/lab/run.ts'
import {packageRoot} from '../src/lib/assets.ts'
import {CpuSet} from '../src/model/cpuset.ts'
import {logProgress} from '../src/ui/progress.ts'
import {BAD_BOOT_ARGUMENTS, SCENARIOS} from '../test/lab/guest/injections.ts'

const FOLDER = join(packageRoot, 'test/hosts/lab')

const say = (line: string) => process.stderr.write(`${line}\n`)
const kernel = process.env['ISOLCTL_LAB_KERNEL'] ?? (await labKernel({progress: logProgress(say)})).bzImage
const isolation = isolationArguments(CpuSet.parse('2-3'), CpuSet.parse('0-1'))

await rm(FOLDER, {recursive: true, force: true})
await mkdir(FOLDER, {recursive: true})
for (const [bootArguments, scenarios] of [
  [isolation, SCENARIOS],
  [BAD_BOOT_ARGUMENTS, ['boot']],
] as const) {
  const guest = join(packageRoot, 'test/lab/guest/inject.ts')
  const {stdout} = await runInLab([process.execPath, guest, ...scenarios], {
    kernel,
    bootArguments,
    env: {CAPTURE: '1'},
    timeoutMs: 1_500_000,
  })
  const parts = JSON.parse(stdout) as Record<string, {output: string}>
  for (const [name, {output}] of Object.entries(parts)) {
    const [, what] = /^archive (.*)$/.exec(name) ?? []
    if (what === undefined) continue
    const file = join(FOLDER, `${what.replaceAll(' ', '-')}.tgz`)
    await writeFile(file, Buffer.from(output, 'base64'))
    say(file)
  }
}
