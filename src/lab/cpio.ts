// SPDX-License-Identifier: MIT

export interface CpioFile {
  /**
   * Relative to the root of the archive, e.g. "job/argv". The archive gets its directories as well.
   */
  readonly path: string
  readonly contents: Uint8Array
  /** Permission bits; 0o644 if absent. */
  readonly mode?: number
}

const DIRECTORY = 0o040755
const REGULAR = 0o100000

/**
 * An initramfs: a cpio archive in the "newc" format
 * (Documentation/driver-api/early-userspace/buffer-format.rst). It is not compressed, owned by
 * root, and without times, so that the same files give the same bytes.
 */
export function cpioArchive(files: readonly CpioFile[]): Buffer {
  const folders = new Set(files.flatMap(({path}) => parents(path)))
  const members = [
    ...[...folders].map((path) => ({path, mode: DIRECTORY, contents: new Uint8Array()})),
    ...files.map(({path, contents, mode = 0o644}) => ({path, mode: REGULAR | mode, contents})),
    {path: 'TRAILER!!!', mode: 0, contents: new Uint8Array()},
  ]
  return Buffer.concat(members.flatMap((member, index) => entry(member, index + 1)))
}

/** "a/b/c" gives "a" and "a/b": a directory comes before its contents. */
function parents(path: string): string[] {
  const names = path.split('/').slice(0, -1)
  return names.map((_, index) => names.slice(0, index + 1).join('/'))
}

function entry({path, mode, contents}: Required<CpioFile>, inode: number): Uint8Array[] {
  const name = Buffer.from(`${path}\0`)
  const links = (mode & DIRECTORY) === DIRECTORY ? 2 : 1
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [inode, mode, 0, 0, links, 0, contents.length, 0, 0, 0, 0, name.length, 0]
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
  return [header, name, padding(header.length + name.length), contents, padding(contents.length)]
}

/** Names and contents both end on a multiple of four bytes. */
function padding(length: number): Uint8Array {
  return new Uint8Array(-length & 3)
}
