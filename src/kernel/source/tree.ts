// SPDX-License-Identifier: MIT
import {stat} from 'node:fs/promises'
import {join} from 'node:path'
import {Writable} from 'node:stream'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {readIfPresent} from '../../lib/files.ts'
import {interruption} from '../../lib/interrupt.ts'
import {commitDate, git} from './git.ts'
import {packInto} from './pack.ts'
import {makefileVersion, type Pack, type Source} from './source.ts'

/** Without owners, modes and times: equal trees are equal archives. */
const TAR = [
  ...(['tar', '--create', '--format=gnu', '--sort=name'] as const),
  ...['--owner=0', '--group=0', '--numeric-owner'],
] as const
const MODE = '--mode=a+rX,u+w,go-w'

/** Whether a path that was named as a source is a directory. */
export async function isTree(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/**
 * A source tree as it is now. isolctl only reads it. Of a git work tree, the source is every file
 * that git does not ignore, so that the objects of a build in the tree are left out. Of another
 * tree, the source is everything. Throws UserError (exit 69) if the folder is no kernel tree, or if
 * it is not a git work tree and contains objects; Interrupted.
 */
export async function treeSource(folder: string, signal?: AbortSignal): Promise<Source> {
  const version = makefileVersion((await readIfPresent(join(folder, 'Makefile'))) ?? '')
  if (version === undefined)
    throw new UserError(`${folder} is not a Linux source tree`, {
      exit: Exit.unsuitable,
      help: 'name the directory that contains MAINTAINERS, or an archive',
    })
  const files = await workTreeFiles(folder)
  if (files === undefined) await refuseObjects(folder)
  const date =
    (await commitDate(folder, 'HEAD')) ?? Math.floor((await stat(join(folder, 'Makefile'))).mtimeMs / 1000)
  const what = files === undefined ? ['.'] : ['--null', '--no-recursion', '--files-from=-']
  const pack: Pack = {
    argv: [...TAR, MODE, `--mtime=@${date}`, '--directory', folder, ...what],
    ...(files === undefined ? {} : {input: files.map((file) => `./${file}\0`).join('')}),
  }
  const sum = await packInto(nowhere(), pack, signal)
  if (signal?.aborted) throw interruption(signal)
  return {archive: folder, version, sha256: sum, pack: {...pack, sha256: sum}}
}

const nowhere = () => new Writable({write: (_chunk, _encoding, done) => done()})

/** The files that git has or would add; undefined if the folder is not the top of a work tree. */
async function workTreeFiles(folder: string): Promise<readonly string[] | undefined> {
  const top = await git(folder, ['rev-parse', '--show-prefix'])
  if (top === undefined || top.trim() !== '') return undefined
  const list = async (...which: string[]) =>
    ((await git(folder, ['ls-files', '-z', ...which])) ?? '').split('\0').filter((name) => name !== '')
  const deleted = new Set(await list('--deleted'))
  const files = await list('--cached', '--others', '--exclude-standard')
  return [...new Set(files)].filter((name) => !deleted.has(name)).sort()
}

/** kbuild refuses such a tree too (Makefile: "outputmakefile"), but only a minute later. */
async function refuseObjects(folder: string): Promise<void> {
  for (const left of ['.config', 'include/config/auto.conf'])
    if ((await readIfPresent(join(folder, left))) !== undefined)
      throw new UserError(`a kernel was built in ${folder}: ${left} exists`, {
        exit: Exit.unsuitable,
        help: 'run make mrproper there, or name a fresh copy or an archive: the old objects would get into the new kernel',
      })
}
