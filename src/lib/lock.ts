// SPDX-License-Identifier: MIT
import {once} from 'node:events'
import {execa} from 'execa'
import {Interrupted, UserError} from './errors.ts'
import {Exit} from './exit.ts'

export interface LockOptions {
  readonly signal?: AbortSignal
  /** Called when somebody else holds it, before waiting for them. */
  readonly onWait?: () => void
}

/** How long a free lock may take to answer before we say that we wait. */
const PATIENCE_MS = 500

/**
 * Run `body` while holding flock(2) on a file. The kernel keeps the lock, for as long as a child of ours has the file open
 * and we live: there is no stale lock to judge and to steal. Node has no flock, so the child is flock(1), around a cat
 * that ends when we close its input, or die.
 */
export async function withLock<T>(
  path: string,
  {signal, onWait}: LockOptions,
  body: () => Promise<T>,
): Promise<T> {
  const holder = execa('flock', ['--no-fork', path, 'cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    buffer: false,
    reject: false,
    ...(signal === undefined ? {} : {cancelSignal: signal}),
  })
  const patience = setTimeout(() => onWait?.(), PATIENCE_MS)
  try {
    holder.stdin.on('error', () => {}) // a flock that could not start has no ear
    holder.stdin.write('held?\n')
    // cat answers once flock has let it start.
    const answer = await Promise.race([once(holder.stdout, 'data').catch(() => undefined), holder])
    if (signal?.aborted) throw signal.reason instanceof UserError ? signal.reason : new Interrupted()
    if (!Array.isArray(answer))
      throw new UserError(`cannot lock ${path}`, {
        exit: Exit.unsuitable,
        help: 'flock comes with util-linux; the directory has to be writable',
      })
    clearTimeout(patience)
    return await body()
  } finally {
    clearTimeout(patience)
    holder.stdin.end()
    await holder
  }
}
