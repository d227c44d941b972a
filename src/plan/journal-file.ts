// SPDX-License-Identifier: MIT
import {writeSync} from 'node:fs'
import {constants, type FileHandle, mkdir, open} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {withLock} from '../lib/lock.ts'
import {requireTrusted} from '../lib/trust.ts'
import {type Entry, intactLength, parseJournal} from '../model/journal.ts'

/** The journal, opened by its only writer. */
export interface Journal {
  /** The entries in the file when it was opened. */
  readonly entries: readonly Entry[]
  /**
   * Resolves when the entries are on disk: what they announce may be done only then. With `sync:
   * false` it resolves when they are written, which survives the end of this process but not a
   * power cut.
   */
  append(entries: Entry | readonly Entry[], options?: {readonly sync?: boolean}): Promise<void>
}

/**
 * Lock the state directory, open the journal in it, and run `body`. Both are created when they are
 * missing, readable by root only. `signal` ends the wait for the lock. Throws UserError when another
 * run holds the lock, when the journal is damaged, or when it cannot be written.
 */
export async function withJournal<T>(
  directory: string,
  body: (journal: Journal) => Promise<T>,
  {patient = false, signal}: {readonly patient?: boolean; readonly signal?: AbortSignal | undefined} = {},
): Promise<T> {
  try {
    await mkdir(directory, {recursive: true, mode: 0o700})
  } catch (cause) {
    throw unwritable(directory, cause)
  }
  for (const path of [directory, join(directory, 'journal.jsonl'), join(directory, 'lock')])
    await requireTrusted(path, {
      what: 'the path',
      owners: [process.geteuid?.() ?? 0],
      help: 'isolctl undo does what is written there: look at it, then give it to root alone with chown and chmod',
    })
  return withLock(join(directory, 'lock'), {signal, ...(patient ? {} : {refuse: lockedBy})}, async () => {
    const file = await openJournal(directory)
    try {
      const before = await file.readFile('utf8')
      const entries = parseJournal(before)
      let length = intactLength(before)
      await file.truncate(length) // so that no incomplete line stays in the middle of the file
      return await body({
        entries,
        async append(added, {sync = true} = {}) {
          const lines = [added].flat().map((entry) => `${JSON.stringify(entry)}\n`)
          const text = lines.join('')
          try {
            append(file, text)
            if (sync) await file.datasync()
            length += Buffer.byteLength(text)
          } catch (cause) {
            // The disk is full and the line is incomplete; the error is reported below.
            await file.truncate(length).catch(() => {})
            throw unwritable(directory, cause)
          }
        },
      })
    } finally {
      await file.close()
    }
  })
}

/** Synchronous: every change writes a line, and the thread pool would cost more than the write. */
function append(file: FileHandle, text: string): void {
  const bytes = Buffer.from(text)
  for (let written = 0; written < bytes.length; ) written += writeSync(file.fd, bytes, written)
}

async function openJournal(directory: string): Promise<FileHandle> {
  const {O_RDWR, O_APPEND, O_CREAT, O_NOFOLLOW} = constants
  try {
    const file = await open(join(directory, 'journal.jsonl'), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600)
    // The directory entries must survive a power cut too.
    await syncFolder(directory)
    await syncFolder(dirname(directory))
    return file
  } catch (cause) {
    throw unwritable(directory, cause)
  }
}

/** The error of a second run while another one holds the lock of the state directory. Pure. */
export const lockedBy = (holder: string) =>
  new UserError(`another isolctl${holder && ` (pid ${holder})`} is changing this machine`, {
    exit: Exit.unsuitable,
    code: 'locked',
    help: 'wait until it has finished, then try again',
  })

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

const unwritable = (directory: string, cause: unknown) =>
  new UserError(`cannot write the journal in ${directory}: ${errnoOf(cause) ?? (cause as Error).message}`, {
    exit: Exit.unsuitable,
    help: 'isolctl writes every change to the journal first: make that directory writable',
    cause,
  })
