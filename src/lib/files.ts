// SPDX-License-Identifier: MIT
import type {Stats} from 'node:fs'
import {constants, lstat, mkdtemp, open, rename, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {setTimeout} from 'node:timers/promises'
import {errnoOf, UserError} from './errors.ts'
import {Exit} from './exit.ts'

/** Larger than every file that isolctl reads, except those that say so. */
const LIMIT = 16 * 1024 * 1024

interface ReadOptions {
  /** Bytes. */
  readonly limit?: number
  /** Called with what stat(2) says about the open file, before it is read; throws where it must not be. */
  readonly check?: (file: Stats) => void
}

/**
 * Contents of a regular file as UTF-8. Throws a system error: that of open(2); EISDIR; ENXIO for a
 * pipe, a device or a socket, which may have no end; EFBIG for more than `limit` bytes.
 */
export async function readRegular(path: string, options: ReadOptions = {}): Promise<string> {
  return (await bytesOfRegular(path, options)).toString('utf8')
}

/** The same as bytes. */
export async function bytesOfRegular(
  path: string,
  {limit = LIMIT, check}: ReadOptions = {},
): Promise<Buffer> {
  // O_NONBLOCK: to open a pipe would wait for its writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  try {
    const kind = await file.stat()
    if (kind.isDirectory()) throw failure('EISDIR')
    if (!kind.isFile()) throw failure('ENXIO')
    if (kind.size > limit) throw failure('EFBIG')
    check?.(kind)
    // A file of procfs has the size 0, and others may grow.
    const pieces: Buffer[] = []
    for (let length = 0; ; ) {
      const {bytesRead, buffer} = await file.read({buffer: Buffer.allocUnsafe(64 * 1024)})
      if (bytesRead === 0) return Buffer.concat(pieces)
      pieces.push(buffer.subarray(0, bytesRead))
      length += bytesRead
      if (length > limit) throw failure('EFBIG')
    }
  } finally {
    await file.close()
  }
}

const failure = (code: string) => Object.assign(new Error(code), {code})

/** Contents of a regular file, or undefined when it does not exist. Throws as readRegular(). */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readRegular(path)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * The value of a JSON text, or undefined when the text is not JSON, e.g. in a file that a power cut
 * damaged.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Write a file in one step (rename(2)), so that no reader sees a part of it. The umask applies to
 * `mode`.
 */
export async function publishFile(path: string, contents: string | Uint8Array, mode = 0o600): Promise<void> {
  const fresh = join(dirname(path), `.${crypto.randomUUID()}.tmp`)
  try {
    await writeFile(fresh, contents, {flag: 'wx', mode})
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, {force: true})
    throw error
  }
}

/**
 * Write the output of a command to the path that the user gave. A regular file is replaced in one
 * step, with this mode; a device or a pipe is written to, and a pipe without a reader is an error. A
 * symbolic link is replaced and not followed, because somebody else may have put it there, except
 * those of the system to an open file (/dev/stdout). Throws UserError: exit 74 for a device or a
 * pipe, else 69.
 */
export async function writeOutput(path: string, contents: string | Uint8Array, mode = 0o644): Promise<void> {
  let stream = false
  try {
    const old = await lstat(path).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT') return undefined
      throw error
    })
    if (old?.isDirectory()) throw failure('EISDIR')
    const device = old?.isSymbolicLink() === true && OPEN_FILE.test(path)
    stream = device || !(old === undefined || old.isFile() || old.isSymbolicLink())
    await (stream ? writeStream(path, contents) : publishFile(path, contents, mode))
  } catch (cause) {
    const code = errnoOf(cause) ?? 'EIO'
    throw new UserError(`cannot write ${path}: ${code}`, {
      exit: stream ? Exit.outputLost : Exit.unsuitable,
      code,
      help: 'name a file in a directory that exists and that you can write to',
      cause,
    })
  }
}

/** Links of the system to the open files of this process: a shell names its pipes so, too. */
const OPEN_FILE = /^\/dev\/(stdout|stderr|fd\/\d+)$/

/** Opened without O_CREAT, and without waiting for the reader of a pipe: that is ENXIO (fifo(7)). */
async function writeStream(path: string, contents: string | Uint8Array): Promise<void> {
  const {O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY} = constants
  const file = await open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY)
  try {
    const bytes = Buffer.from(contents)
    for (let done = 0; done < bytes.length; )
      try {
        done += (await file.write(bytes, done)).bytesWritten
      } catch (error) {
        if (errnoOf(error) !== 'EAGAIN') throw error
        await setTimeout(PAUSE_MS) // a full pipe: its reader is slow
      }
  } finally {
    await file.close()
  }
}

const PAUSE_MS = 10

/**
 * Run `body` with a private directory (mode 0700, unpredictable name) and remove the directory
 * afterwards, also after an error.
 */
export async function withPrivateFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-'))
  try {
    return await body(folder)
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}
