// SPDX-License-Identifier: MIT
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join, resolve} from 'node:path'
import {compile, make} from '../../scripts/native.ts'
import {packageRoot} from '../../src/lib/assets.ts'

export interface Workshop extends AsyncDisposable {
  readonly folder: string
  /**
   * Compile a C file of the checkout that is not in native/, as the build does, with these variables of make; returns
   * the program's path.
   */
  compile(source: string, name: string, ...make: readonly string[]): Promise<string>
  /** Build one of our own programs, "isol-exec" or "samples/poller"; returns its path. */
  build(program: string): Promise<string>
}

/** A private directory to compile and run in. `sanitize`: with these sanitizers of the compiler, "address,undefined". */
export async function workshop({sanitize}: {readonly sanitize?: string} = {}): Promise<Workshop> {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  const variables = sanitize === undefined ? [] : [`SANITIZE=${sanitize}`]
  let last: Promise<unknown> = Promise.resolve()
  /** One after the other: two makes must not write the same objects. */
  const inTurn = async (job: () => Promise<void>) => {
    const mine = last.then(job)
    last = mine.catch(() => {})
    await mine
  }
  return {
    folder,
    async compile(source, name, ...more) {
      const program = join(folder, name)
      await inTurn(() => compile(resolve(packageRoot, source), program, folder, ...variables, ...more))
      return program
    },
    async build(program) {
      const path = join(folder, 'libexec', program)
      await inTurn(() => make(`O=${folder}`, ...variables, path))
      return path
    },
    [Symbol.asyncDispose]: () => rm(folder, {recursive: true, force: true}),
  }
}
