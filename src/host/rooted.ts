// SPDX-License-Identifier: MIT
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
} from 'node:fs'
import {gunzipSync} from 'node:zlib'
import {errnoOf} from '../lib/errors.ts'
import {HostError, type HostView} from './host.ts'

/**
 * The files below a directory: a captured machine (`--root`), or "/" itself. Reads are synchronous
 * and not through the thread pool: the files are small and there can be a hundred thousand of them,
 * so the thread pool would take most of the time.
 */
export function rooted(root: string, name = root): HostView {
  const base = root.replace(/\/+$/, '')
  const {read, list, isFolder} = base === '' ? running() : contained(base)
  return {
    name,
    read: (path) => attempt(path, undefined, read),
    list: (path) => attempt(path, [], (of) => list(of).sort(byNumberThenName)),
    isFolder: (path) => attempt(path, false, isFolder),
  }
}

interface Files {
  read(path: string): string
  list(path: string): string[]
  isFolder(path: string): boolean
}

const running = (): Files => ({
  read: reader(FLAGS, {inPieces: true}),
  list: (path) => readdirSync(path),
  isFolder: (path) => statSync(path).isDirectory(),
})

/** The kernel's limit for symbolic links in a path (include/linux/namei.h: MAXSYMLINKS). */
const LINKS = 40

/**
 * A captured machine. Symbolic links are resolved inside the capture: "/" is its root, and ".."
 * does not lead out of it, so that a capture cannot show a file of this machine. The links found in
 * a listing are cached: an lstat(2) of each of a hundred thousand files would cost as much as
 * reading it.
 */
function contained(base: string): Files {
  /** Directories that are reached without a link, by their path in the capture. */
  const plain = new Set([''])
  /** Directory to the links in it, for the directories that were listed. */
  const listed = new Map<string, ReadonlySet<string>>()

  const resolve = (path: string, links = 0): string => {
    let here = ''
    const parts = path.split('/')
    for (const [at, part] of parts.entries()) {
      if (part === '' || part === '.') continue
      if (part === '..') {
        here = here.slice(0, Math.max(0, here.lastIndexOf('/')))
        continue
      }
      const next = `${here}/${part}`
      const found = plain.has(next) ? undefined : lstatSync(`${base}${next}`, {throwIfNoEntry: false})
      if (found?.isSymbolicLink()) {
        if (links === LINKS) throw Object.assign(new Error('too many links'), {code: 'ELOOP'})
        const target = readlinkSync(`${base}${next}`)
        const rest = parts.slice(at + 1).join('/')
        return resolve(target.startsWith('/') ? `${target}/${rest}` : `${here}/${target}/${rest}`, links + 1)
      }
      if (found?.isDirectory()) plain.add(next)
      here = next
    }
    return here
  }
  const folder = (path: string): string => {
    if (plain.has(path)) return path
    const [parent, name] = split(path)
    const ordinary = name !== '' && name !== '.' && name !== '..'
    if (!ordinary || folder(parent) !== parent || listed.get(parent)?.has(name) !== false)
      return resolve(path)
    plain.add(path)
    return path
  }
  const contents = reader(FLAGS | constants.O_NOFOLLOW, {inPieces: false})
  return {
    read(path) {
      const [parent, name] = split(path)
      if (name === '' || name === '.' || name === '..') return contents(`${base}${resolve(path)}`)
      try {
        return contents(`${base}${folder(parent)}/${name}`)
      } catch (error) {
        if (errnoOf(error) !== 'ELOOP') throw error
        return contents(`${base}${resolve(path)}`) // the file itself is a link
      }
    },
    list(path) {
      const real = folder(path)
      const entries = readdirSync(`${base}${real}`, {withFileTypes: true})
      const links = entries.filter((entry) => entry.isSymbolicLink())
      listed.set(real, links.length === 0 ? NONE : new Set(links.map(({name}) => name)))
      return entries.map(({name}) => name)
    },
    isFolder: (path) => lstatSync(`${base}${resolve(path)}`).isDirectory(),
  }
}

const NONE: ReadonlySet<string> = new Set()

/** "/proc/1/stat" becomes "/proc/1" and "stat". */
function split(path: string): readonly [parent: string, name: string] {
  const cut = Math.max(0, path.lastIndexOf('/'))
  return [path.slice(0, cut), path.slice(cut + 1)]
}

async function attempt<T>(path: string, missing: T, read: (path: string) => T): Promise<T> {
  try {
    return read(path)
  } catch (cause) {
    return absent(path, missing)(cause)
  }
}

/** O_NONBLOCK because a captured tree may contain a pipe, which must not block the read. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK

/**
 * A reader of whole files that reuses one buffer. procfs returns a file in pieces (fs/seq_file.c),
 * so there the end is a read of zero bytes; at the end of a plain file a read returns less than was
 * asked for.
 */
function reader(flags: number, {inPieces}: {readonly inPieces: boolean}): (path: string) => string {
  let buffer = Buffer.allocUnsafe(64 * 1024)
  return (path) => {
    const file = openSync(path, flags)
    try {
      // A device may have no end. A pipe has one, because it is not waited for.
      if (fstatSync(file).isCharacterDevice()) throw Object.assign(new Error(path), {code: 'ENXIO'})
      let length = 0
      for (;;) {
        const count = readSync(file, buffer, length, buffer.length - length, null)
        length += count
        if (count === 0 || (!inPieces && length < buffer.length)) return contentsOf(path, buffer, length)
        if (length >= FILE_LIMIT) throw Object.assign(new Error(path), {code: 'EFBIG'})
        if (length === buffer.length) buffer = Buffer.concat([buffer, Buffer.allocUnsafe(length)])
      }
    } finally {
      closeSync(file)
    }
  }
}

function contentsOf(path: string, buffer: Buffer, length: number): string {
  if (path.endsWith('.gz')) return unpack(buffer.subarray(0, length))
  // Some captures pad the files from sysfs with NUL bytes.
  while (length > 0 && buffer[length - 1] === 0) length--
  return buffer.toString('utf8', 0, length)
}
const unpack = (contents: Buffer) => gunzipSync(contents, {maxOutputLength: UNPACKED_LIMIT}).toString('utf8')
/** Ten times the largest file of a machine with thousands of CPUs, /proc/interrupts. */
const FILE_LIMIT = 256 * 1024 * 1024
/** A hundred times the size of the largest kernel configuration. */
const UNPACKED_LIMIT = 32 * 1024 * 1024

/**
 * Returns `value` when the file does not exist; throws HostError with the path for every other
 * errno.
 */
export const absent =
  <T>(path: string, value: T) =>
  (cause: unknown): T => {
    const code = errnoOf(cause)
    // ESRCH: the task is gone.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ESRCH') return value
    throw new HostError(code ?? 'EIO', path, 'cannot read', {cause})
  }

export function byNumberThenName(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)]
  const [xIsName, yIsName] = [Number.isNaN(x), Number.isNaN(y)]
  if (xIsName || yIsName) return Number(xIsName) - Number(yIsName) || (a < b ? -1 : Number(a > b))
  return x - y
}
