// SPDX-License-Identifier: MIT
import {createHash} from 'node:crypto'
import {createReadStream} from 'node:fs'
import {interruption} from '../lib/interrupt.ts'

/** As 64 hexadecimal digits. Pure. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** The sha256 of a file of any size. Throws the errors of node:fs, Interrupted. */
export async function fileSha256(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) {
    if (signal?.aborted) throw interruption(signal)
    hash.update(chunk as Buffer)
  }
  return hash.digest('hex')
}
