// SPDX-License-Identifier: MIT
import {type FileHandle, open, rm} from 'node:fs/promises'
import {errnoOf} from '../lib/errors.ts'
import {publishFile} from '../lib/files.ts'
import {HostError} from './host.ts'

/** A file that grows by lines, each of which is on the disk when `append` returns. */
export interface AppendFile {
  /** Bytes written since the last `restart`. */
  readonly size: number
  append(text: string): Promise<void>
  /** Replace the whole file in one step. */
  restart(text: string): Promise<void>
  close(): Promise<void>
  /** Close and remove it. */
  remove(): Promise<void>
}

/**
 * Create a file with this text. Throws HostError, with EEXIST if there is a file, and everything
 * else that open(2), write(2) and fdatasync(2) report.
 */
export async function appendFile(path: string, text: string): Promise<AppendFile> {
  const guarded = async <T>(body: () => Promise<T>): Promise<T> => {
    try {
      return await body()
    } catch (cause) {
      throw new HostError(errnoOf(cause) ?? 'EIO', path, 'cannot write', {cause})
    }
  }
  let size = 0
  let file: FileHandle = await guarded(() => open(path, 'ax', 0o644))
  const append = (more: string) =>
    guarded(async () => {
      await file.appendFile(more)
      await file.datasync()
      size += Buffer.byteLength(more)
    })
  await append(text)
  return {
    get size() {
      return size
    },
    append,
    restart: (whole) =>
      guarded(async () => {
        await publishFile(path, whole, 0o644)
        await file.close()
        file = await open(path, 'a')
        await file.datasync()
        size = Buffer.byteLength(whole)
      }),
    close: () => guarded(() => file.close()),
    remove: () =>
      guarded(async () => {
        await file.close()
        await rm(path, {force: true})
      }),
  }
}
