// SPDX-License-Identifier: MIT
import {type FileHandle, open} from 'node:fs/promises'
import {execa} from 'execa'
import {errnoOf, UserError} from './errors.ts'
import {Exit} from './exit.ts'
import {interruption} from './interrupt.ts'
import {cleanEnvironment} from './programs.ts'

export interface LockOptions {
  /**
   * Makes the error that is thrown when another process holds the lock. `holder` is its pid, or
   * empty if the file has none. Without this function, withLock() waits.
   */
  readonly refuse?: (holder: string) => UserError
  /** Called once if the lock is not ours after PATIENCE_MS. */
  readonly onWait?: () => void
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

const PATIENCE_MS = 500

/**
 * Run `body` while this process holds an exclusive flock(2) on the file `path`. The file is created
 * with mode 0600 if it does not exist. The kernel releases the lock when the holder ends, also
 * after SIGKILL: there is no stale lock. The file contains the pid of the holder, for messages
 * only.
 *
 * Node has no flock(2). flock(1) of util-linux or busybox gets our open file as its stdin and locks
 * it; the lock belongs to the open file description and stays when flock(1) exits. Other children
 * do not inherit the file, because Node opens files close-on-exec.
 *
 * Throws the error of `refuse`, UserError (exit 69) if the file cannot be locked, Interrupted.
 */
export async function withLock<T>(path: string, options: LockOptions, body: () => Promise<T>): Promise<T> {
  const file = await open(path, 'a+', 0o600).catch((cause: unknown) => {
    throw cannotLock(path, errnoOf(cause) ?? 'EIO', cause)
  })
  try {
    await take(file, path, options)
    // The pid is for messages: a full disk is not an error here.
    await file
      .truncate()
      .then(() => file.write(`${process.pid}\n`))
      .catch(() => {})
    return await body()
  } finally {
    await file.close()
  }
}

/** The exit status of `flock -n` when another process holds the lock, flock(1). */
const HELD = 1

async function take(file: FileHandle, path: string, {refuse, onWait, signal}: LockOptions): Promise<void> {
  if (signal?.aborted) throw interruption(signal)
  const patience = setTimeout(() => onWait?.(), PATIENCE_MS)
  const {exitCode, stderr, code} = await execa(
    'flock',
    [...(refuse === undefined ? [] : ['-n']), '-x', '0'],
    {
      stdin: file.fd as 0, // any open fd is possible; execa's types have the standard ones only
      stdout: 'ignore',
      reject: false,
      env: cleanEnvironment(),
      extendEnv: false,
      ...(signal === undefined ? {} : {cancelSignal: signal}),
    },
  ).finally(() => clearTimeout(patience))
  if (signal?.aborted) throw interruption(signal)
  if (exitCode === 0) return
  if (exitCode === HELD && refuse !== undefined) throw refuse((await file.readFile('utf8')).trim())
  throw cannotLock(path, code === 'ENOENT' ? 'flock is not installed' : stderr)
}

const cannotLock = (path: string, why: string, cause?: unknown) =>
  new UserError(`cannot lock ${path}: ${why}`, {
    exit: Exit.unsuitable,
    help: 'the directory must be writable; flock(1) is part of util-linux: apt-get install util-linux',
    cause,
  })
