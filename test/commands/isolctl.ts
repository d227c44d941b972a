// SPDX-License-Identifier: MIT
import {mkdir, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import process from 'node:process'
import {captureOutput} from '@oclif/test'
import {main} from '../../src/cli.ts'

/** Run a command line in this process, as if it were typed without a terminal. */
export async function isolctl(...args: string[]): Promise<{stdout: string; stderr: string; exit: number}> {
  process.exitCode = 0
  const {stdout, stderr} = await captureOutput(() => main(args), {
    testNodeEnv: 'production', // under "test", oclif warns of commands that refuse their flags
  })
  const exit = Number(process.exitCode)
  process.exitCode = 0 // vitest's own must not suffer
  return {stdout, stderr, exit}
}

/** Write files below a directory, as a captured machine. */
export async function plant(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), {recursive: true})
    await writeFile(join(root, path), text)
  }
}
