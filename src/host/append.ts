// SPDX-License-Identifier: MIT
import {type FileHandle, open, rename, rm} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {errnoOf} from '../lib/errors.ts'
import {HostError} from './host.ts'

/** A file that grows by lines, each of which is on the disk when `append` returns. */
export interface AppendFile {
  /** Bytes written since it was created, or since the last `restart`: without the text of that. */
  readonly grown: number
  append(text: string): Promise<void>
  /**
   * Replace the whole file in one step: after a crash there is the old or the new text. What else
   * was put at the path meanwhile is replaced, and not written to.
   */
  restart(text: string): Promise<void>
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
  const write = async (to: FileHandle, more: string) => {
    await to.appendFile(more)
    await to.datasync()
  }
  let grown = 0
  let file: FileHandle = await guarded(() => open(path, 'ax', 0o644))
  await guarded(() => write(file, text))
  return {
    get grown() {
      return grown
    },
    append: (more) =>
      guarded(async () => {
        await write(file, more)
        grown += Buffer.byteLength(more)
      }),
    restart: (whole) =>
      guarded(async () => {
        const old = file
        file = await replaced(path, (fresh) => write(fresh, whole))
        grown = 0
        await old.close()
      }),
    remove: () =>
      guarded(async () => {
        await file.close()
        await rm(path, {force: true})
      }),
  }
}

/** The open file that was written beside this path and then took its place. */
async function replaced(path: string, write: (fresh: FileHandle) => Promise<void>): Promise<FileHandle> {
  const beside = join(dirname(path), `.${crypto.randomUUID()}.tmp`)
  const fresh = await open(beside, 'ax', 0o644)
  try {
    await write(fresh)
    await rename(beside, path)
    return fresh
  } catch (error) {
    await fresh.close()
    await rm(beside, {force: true})
    throw error
  }
}
