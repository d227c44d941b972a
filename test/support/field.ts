// SPDX-License-Identifier: MIT
import {existsSync} from 'node:fs'
import {mkdtemp, readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {packageRoot} from '../../src/lib/assets.ts'

/**
 * Machines of operators that may not be published: archives beside the checkout, if there are any.
 * `kind` is "cases" or "hosts". Undefined where they are not there; the test says so in its title.
 */
export const fieldFolder = (kind: 'cases' | 'hosts'): string | undefined =>
  ['../shared', '../../shared'].map((path) => join(packageRoot, path, kind)).find((path) => existsSync(path))

/** Unpack an archive below a directory, and return the root of the captured machine in it. */
export async function unpackField(archive: string, folder: string): Promise<string> {
  const into = await mkdtemp(join(folder, 'field-'))
  await execa('tar', ['-xf', archive, '-C', into])
  return join(into, (await readdir(into))[0] ?? '')
}
