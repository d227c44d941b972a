// SPDX-License-Identifier: MIT
import {execa} from 'execa'

/**
 * The output of a git command in a folder; undefined if the command fails or git is not installed.
 */
export async function git(folder: string, args: readonly string[]): Promise<string | undefined> {
  const {stdout, failed} = await execa('git', ['-C', folder, ...args], {
    // GIT_DIR of our caller's environment would name another repository.
    env: {LC_ALL: 'C', GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_INDEX_FILE: undefined},
    stdin: 'ignore',
    stripFinalNewline: false,
    maxBuffer: 200_000_000,
    reject: false,
  })
  return failed ? undefined : stdout
}

/** Seconds since the epoch; undefined if there is no such commit. */
export async function commitDate(folder: string, commit: string): Promise<number | undefined> {
  const text = await git(folder, ['log', '-1', '--format=%ct', commit])
  return text === undefined || text.trim() === '' ? undefined : Number(text)
}
