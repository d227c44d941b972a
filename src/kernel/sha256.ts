// SPDX-License-Identifier: MIT
import {createHash} from 'node:crypto'
import {constants, open} from 'node:fs/promises'
import {interruption} from '../lib/interrupt.ts'

/** As 64 hexadecimal digits. Pure. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** The sha256 of a regular file of any size. Throws the errors of node:fs, ENXIO, Interrupted. */
export async function fileSha256(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    if (!(await file.stat()).isFile()) throw Object.assign(new Error(`not a file: ${path}`), {code: 'ENXIO'})
    const buffer = Buffer.allocUnsafe(1024 * 1024)
    for (;;) {
      if (signal?.aborted) throw interruption(signal)
      const {bytesRead} = await file.read(buffer)
      if (bytesRead === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, bytesRead))
    }
  } finally {
    await file.close()
  }
}
