// SPDX-License-Identifier: MIT
import {lstat, readdir, readlink} from 'node:fs/promises'
import {dirname, isAbsolute, join} from 'node:path'
import {execa} from 'execa'
import {packageRoot} from './assets.ts'
import {errnoOf, UserError} from './errors.ts'
import {Exit} from './exit.ts'
import {cleanEnvironment} from './programs.ts'

/** The kernel's limit for symbolic links in a path (include/linux/namei.h: MAXSYMLINKS). */
const LINKS = 40

const WRITABLE_BY_GROUP = 0o020
const WRITABLE_BY_OTHERS = 0o002
const STICKY = 0o1000

/** What stat(2) says about who can change a file. */
export interface Ownership {
  readonly uid: number
  readonly gid: number
  readonly mode: number
}

/**
 * Who else can write to a file or a directory with this owner and mode; undefined when nobody can but
 * root and `owners`. Group 0 is root's. Pure.
 */
export function foreignOwner(
  {uid, gid, mode}: Ownership,
  owners: readonly number[] = [],
): string | undefined {
  if (uid !== 0 && !owners.includes(uid)) return `belongs to user ${uid}`
  const open = mode & (gid === 0 ? WRITABLE_BY_OTHERS : WRITABLE_BY_GROUP | WRITABLE_BY_OTHERS)
  return open ? `can be written by ${mode & WRITABLE_BY_OTHERS ? 'everybody' : `group ${gid}`}` : undefined
}

/**
 * Whether a file has an access control list. Node.js has no getxattr(2); ls(1) of coreutils prints "+"
 * after the mode. With such a list, the bits of the group are the most that any user of the list may do.
 */
async function hasAccessList(path: string): Promise<boolean> {
  const {stdout} = await execa('ls', ['-ldn', '--', path], {
    env: cleanEnvironment(),
    extendEnv: false,
    reject: false,
  })
  return /^\S{10}\+/.test(stdout)
}

/**
 * Who else can change what a path leads to, or undefined when nobody can but root and `owners`
 * (user ids). Looks at the owner and the mode of every component and of every symbolic link on the
 * way. A directory that others can write to passes only with the sticky bit, because nobody else can
 * rename the entries of another user there (/tmp). Group 0 is root's. Throws a system error for a
 * path that does not exist.
 */
export async function foreignWriter(
  path: string,
  owners: readonly number[] = [],
): Promise<string | undefined> {
  const seen = new Set<string>()
  // ".." is taken where a link has led, as the kernel does, and not where its name stands.
  const rest = parts(isAbsolute(path) ? path : `${process.cwd()}/${path}`)
  let here = '/'
  for (let links = 0; ; ) {
    const there = await lstat(here)
    const {mode} = there
    const isLink = (mode & 0o170000) === 0o120000
    const isFolder = (mode & 0o170000) === 0o040000
    if (!seen.has(here)) {
      seen.add(here)
      // A link has all bits, and nobody can write to it.
      const held = isLink || (isFolder && mode & STICKY) ? mode & ~0o022 : mode
      const who = foreignOwner({...there, mode: held}, owners)
      if (who !== undefined) return `${here} ${who}`
      if (held & WRITABLE_BY_GROUP && (await hasAccessList(here)))
        return `${here} can be written by users of its access control list`
    }
    if (isLink) {
      if (++links > LINKS) throw Object.assign(new Error('too many links'), {code: 'ELOOP'})
      const target = await readlink(here)
      rest.unshift(...parts(target))
      here = isAbsolute(target) ? '/' : dirname(here)
      continue
    }
    const next = rest.shift()
    if (next === undefined) return undefined
    here = next === '..' ? dirname(here) : join(here, next)
  }
}

/** The components of a path, ".." included. Pure. */
const parts = (path: string): string[] => path.split('/').filter((part) => part !== '' && part !== '.')

/**
 * Require that isolctl itself is root's alone: Node.js, the bundle, and the programs of its build.
 * `purpose` is what will call it later as root, with nobody there who asked for it. Throws UserError.
 */
export async function requireRootsProgram(purpose: string, root = packageRoot): Promise<void> {
  const built = ['dist', 'dist/libexec'].map((name) => join(root, name))
  const files = await Promise.all(
    built.map(async (folder) => (await readdir(folder).catch(() => [])).map((name) => join(folder, name))),
  )
  const all = [
    process.execPath,
    join(root, 'bin/isolctl'),
    join(root, 'bin/run.js'),
    join(root, 'package.json'),
    ...built,
    ...files.flat(),
  ]
  for (const path of all)
    await requireTrusted(path, {
      what: `${purpose} runs it as root, and`,
      help: 'install isolctl and Node.js where only root can write, such as /opt/isolctl, and call it there',
    })
}

/** The user who called isolctl with sudo(8); undefined without sudo. */
export function callingUser(env: NodeJS.ProcessEnv = process.env): number | undefined {
  const text = env['SUDO_UID']
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined
}

/**
 * Require that nobody but root, and `owners`, can change what this path leads to. `what` names the
 * path in the message: "the plan". Throws UserError (exit 69); nothing when the path does not exist.
 */
export async function requireTrusted(
  path: string,
  {what, owners = [], help}: {what: string; owners?: readonly number[]; help: string},
): Promise<void> {
  const who = await foreignWriter(path, owners).catch((cause: unknown) => {
    const code = errnoOf(cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined // its reader reports that
    throw new UserError(`cannot look at ${what} ${path}: ${code ?? 'EIO'}`, {exit: Exit.unsuitable, cause})
  })
  if (who !== undefined) throw notTrusted(`${what} ${path}`, who, help)
}

/**
 * The same for a file that is open: it may be another one than requireTrusted() saw, or have no path
 * any more. Throws UserError (exit 69).
 */
export function requireTrustedFile(
  file: Ownership,
  path: string,
  {what, owners = [], help}: {what: string; owners?: readonly number[]; help: string},
): void {
  const who = foreignOwner(file, owners)
  if (who !== undefined) throw notTrusted(`${what} ${path}`, `it ${who}`, help)
}

const notTrusted = (subject: string, who: string, help: string) =>
  new UserError(`${subject} is not safe from other users: ${who}`, {
    exit: Exit.unsuitable,
    code: 'not-trusted',
    help,
  })
