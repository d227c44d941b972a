// SPDX-License-Identifier: MIT
import {existsSync} from 'node:fs'
import {dirname, join} from 'node:path'
import {UserError} from './errors.ts'
import {Exit} from './exit.ts'

/** The directory that holds package.json, for the sources (src/lib/) and for the bundle (dist/). */
export const packageRoot: string = (() => {
  let folder = import.meta.dirname
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
})()

/**
 * Absolute path of a program that the build made, e.g. "libexec/isol-spin". Throws UserError when
 * it is missing.
 */
export function asset(name: string): string {
  const path = join(packageRoot, 'dist', name)
  if (!existsSync(path))
    throw new UserError(`${path} is missing`, {exit: Exit.unsuitable, help: 'build it: npm run build'})
  return path
}
