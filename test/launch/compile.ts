// SPDX-License-Identifier: MIT
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {C_FLAGS} from '../../scripts/c-flags.ts'
import {packageRoot} from '../../src/lib/assets.ts'

export interface Workshop extends AsyncDisposable {
  readonly folder: string
  /** Compile a C program of the checkout as the build does; returns its path. */
  compile(source: string, name: string): Promise<string>
}

/** A private directory to compile and run in. */
export async function workshop(): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  return {
    folder,
    async compile(source, name) {
      const program = join(folder, name)
      await execa('gcc', [...C_FLAGS, '-o', program, source], {cwd: packageRoot})
      return program
    },
    [Symbol.asyncDispose]: () => rm(folder, {recursive: true, force: true}),
  }
}
