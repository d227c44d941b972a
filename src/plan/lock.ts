// SPDX-License-Identifier: MIT
import {type FileHandle, open} from 'node:fs/promises'
import {execa} from 'execa'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'

/**
 * Hold an exclusive flock(2) on a file while `body` runs. The kernel drops the lock with its holder, however that ends
 * (kill -9, power cut), so there is no stale lock to judge and no race in taking one over. The pid inside is for the
 * message only. Throws UserError naming the holder when the lock is taken, unless `patient`: then it waits.
 *
 * Node has no flock: flock(1) of util-linux (and of busybox, in a rescue shell) locks the open file that it inherits,
 * which is ours, and goes. Our own children do not inherit it, because Node opens files close-on-exec.
 */
export async function locked<T>(
  path: string,
  body: () => Promise<T>,
  {patient = false}: {readonly patient?: boolean} = {},
): Promise<T> {
  const file = await open(path, 'a+', 0o600)
  try {
    await take(file, path, patient)
    // For a message only: a full disk is the journal's to complain about.
    await file
      .truncate()
      .then(() => file.write(`${process.pid}\n`))
      .catch(() => {})
    return await body()
  } finally {
    await file.close()
  }
}

async function take(file: FileHandle, path: string, patient: boolean): Promise<void> {
  const {exitCode, stderr, code} = await execa('flock', [...(patient ? [] : ['-n']), '-x', '0'], {
    stdin: file.fd as 0, // any open fd will do; execa's types know the standard ones only
    stdout: 'ignore',
    reject: false,
  })
  if (exitCode === 0) return
  if (exitCode === 1) {
    const holder = (await file.readFile('utf8')).trim()
    throw new UserError(`another isolctl${holder && ` (pid ${holder})`} is changing this machine`, {
      exit: Exit.unsuitable,
      code: 'locked',
      help: 'wait until it has finished, then try again',
    })
  }
  throw new UserError(`cannot lock ${path}: ${code === 'ENOENT' ? 'flock is not installed' : stderr}`, {
    exit: Exit.unsuitable,
    help: 'flock(1) belongs to util-linux: apt-get install util-linux',
  })
}
