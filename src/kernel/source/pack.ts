// SPDX-License-Identifier: MIT
import {createHash} from 'node:crypto'
import type {Writable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {execa} from 'execa'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import type {Pack} from './source.ts'

/**
 * Run a packer and write its archive to `into`. Returns the sha256 of the archive. Throws UserError
 * (exit 69) if the packer fails; after an abort it returns, and the caller looks at the signal.
 */
export async function packInto(into: Writable, pack: Pack, signal: AbortSignal | undefined): Promise<string> {
  const [file, ...args] = pack.argv
  const packer = execa(file, args, {
    env: {LC_ALL: 'C'},
    ...(pack.input === undefined ? {stdin: 'ignore'} : {input: pack.input}),
    buffer: {stdout: false},
    reject: false,
    ...(signal === undefined ? {} : {cancelSignal: signal}),
  } as const)
  const hash = createHash('sha256')
  await pipeline(
    packer.stdout,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        yield chunk
      }
    },
    into,
  ).catch(() => {}) // a reader that ended early reports the reason itself
  const {failed, stderr} = await packer
  if (failed && !signal?.aborted)
    throw new UserError(`${file} cannot pack the source: ${stderr.trim().split('\n').at(-1)}`, {
      exit: Exit.unsuitable,
    })
  return hash.digest('hex')
}
