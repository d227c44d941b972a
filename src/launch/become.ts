// SPDX-License-Identifier: MIT
import {access, constants} from 'node:fs/promises'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {visible} from '../lib/visible.ts'
import {passInherited} from './inherit.ts'

/**
 * Replace this process by another program (execve(2)): it keeps the pid and all descriptors. Does not return.
 * `note` gets what the program will not find as it was.
 * Throws UserError when the file cannot be executed. This is checked first, because a failing
 * execve aborts Node.js.
 */
export async function become(
  file: string,
  argv: readonly string[],
  note = (text: string): void => void process.stderr.write(`note: ${visible(text)}\n`),
): Promise<never> {
  try {
    await access(file, constants.X_OK)
  } catch (cause) {
    throw new UserError(`cannot execute ${file}: ${errnoOf(cause) ?? 'EIO'}`, {
      exit: Exit.launchFailed,
      help: 'build it: npm run build',
      cause,
    })
  }
  const {execve} = process
  if (execve === undefined)
    throw new UserError('this Node.js has no process.execve', {
      exit: Exit.unsuitable,
      help: 'use Node.js 22.18 or newer on Linux',
    })
  const lost = passInherited()
  if (lost !== undefined) note(`the descriptors from 3 on are closed: ${lost}`)
  return execve.call(process, file, argv, process.env)
}
