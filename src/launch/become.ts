// SPDX-License-Identifier: MIT
import {access, constants} from 'node:fs/promises'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'

/**
 * Turn this process into another program: same pid, same stdio, nothing of us left. Does not return. Throws UserError
 * when the file cannot be executed: it must be known beforehand, because a failing execve aborts Node.js.
 */
export async function become(file: string, argv: readonly string[]): Promise<never> {
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
    throw new UserError('this Node.js cannot replace itself by a program', {
      exit: Exit.unsuitable,
      help: 'Node.js 22.18 or newer can, on Linux',
    })
  return execve.call(process, file, argv, process.env)
}
