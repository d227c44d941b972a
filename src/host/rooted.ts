// SPDX-License-Identifier: MIT
import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {promisify} from 'node:util'
import {gunzip} from 'node:zlib'
import {errnoOf} from '../lib/errors.ts'
import {HostError, type HostView} from './host.ts'

/** The files below a directory: a captured machine (`--root`), or "/" itself. */
export function rooted(root: string, name = root): HostView {
  return {
    name,
    read: (path) => (path.endsWith('.gz') ? unpack : text)(join(root, path)).catch(absent(path, undefined)),
    list: async (path) => (await readdir(join(root, path)).catch(absent(path, []))).sort(byNumberThenName),
  }
}

/** Some captures pad what they copied out of sysfs with zero bytes. */
const text = async (path: string) => (await readFile(path, 'utf8')).replace(/\0+$/, '')
const unpack = async (path: string) => (await promisify(gunzip)(await readFile(path))).toString('utf8')

/** "No such file" is an answer; every other errno is an error that names the path. */
export const absent =
  <T>(path: string, value: T) =>
  (cause: unknown): T => {
    const code = errnoOf(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ESRCH') return value // ESRCH: the task is gone
    throw new HostError(code ?? 'EIO', path, 'cannot read', {cause})
  }

function byNumberThenName(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)]
  const [xIsName, yIsName] = [Number.isNaN(x), Number.isNaN(y)]
  if (xIsName || yIsName) return Number(xIsName) - Number(yIsName) || (a < b ? -1 : Number(a > b))
  return x - y
}
