// SPDX-License-Identifier: MIT
import {createHash} from 'node:crypto'
import {stat} from 'node:fs/promises'
import {join} from 'node:path'
import {Writable} from 'node:stream'
import {pipeline} from 'node:stream/promises'
import {execa} from 'execa'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {readIfPresent} from '../../lib/files.ts'
import {requirePrograms} from '../../lib/programs.ts'
import {makefileVersion, type Pack, type Source} from './archive.ts'
import {sha256} from './series.ts'
import {requireSignedTag} from './signature.ts'

/** Run a packer, and give what it writes to `into`. Returns its sha256. Throws UserError when it fails. */
export async function packInto(into: Writable, pack: Pack, signal: AbortSignal | undefined): Promise<string> {
  const [file, ...args] = pack.argv
  const packer = execa(file, args, {
    env: {LC_ALL: 'C'},
    ...(pack.input === undefined ? {stdin: 'ignore'} : {input: pack.input}),
    buffer: {stdout: false},
    reject: false,
    ...(signal === undefined ? {} : {cancelSignal: signal}),
  } as const)
  const hash = createHash('sha256')
  await pipeline(
    packer.stdout,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk)
        yield chunk
      }
    },
    into,
  ).catch(() => {}) // the reader ended early, and says why itself
  const {failed, stderr} = await packer
  if (failed && !signal?.aborted)
    throw new UserError(`${file} cannot pack the source: ${stderr.trim().split('\n').at(-1)}`, {
      exit: Exit.unsuitable,
    })
  return hash.digest('hex')
}

const nowhere = () => new Writable({write: (_chunk, _encoding, done) => done()})

/** Everything about a file that is not its content would give equal trees different names. */
const TAR = [
  'tar',
  '--create',
  '--format=gnu',
  '--sort=name',
  '--owner=0',
  '--group=0',
  '--numeric-owner',
] as const
const MODE = '--mode=a+rX,u+w,go-w'

/**
 * A tree that somebody works in, as it is now. It is only ever read. Of a git work tree, what git does not ignore:
 * so that objects of a build in it stay behind; of another one everything, if nobody built in it.
 * Throws UserError for what is no kernel tree.
 */
export async function treeSource(folder: string, signal?: AbortSignal): Promise<Source> {
  const version = makefileVersion((await readIfPresent(join(folder, 'Makefile'))) ?? '')
  if (version === undefined)
    throw new UserError(`${folder} is not a Linux source tree`, {
      exit: Exit.unsuitable,
      help: 'name the directory with the MAINTAINERS file, or an archive',
    })
  const files = await workTreeFiles(folder)
  if (files === undefined) await refuseBuilt(folder)
  const date =
    (await commitDate(folder, 'HEAD')) ?? Math.floor((await stat(join(folder, 'Makefile'))).mtimeMs / 1000)
  const what = files === undefined ? ['.'] : ['--null', '--no-recursion', '--files-from=-']
  const pack: Pack = {
    argv: [...TAR, MODE, `--mtime=@${date}`, '--directory', folder, ...what],
    ...(files === undefined ? {} : {input: files.map((file) => `./${file}\0`).join('')}),
  }
  const sum = await packInto(nowhere(), pack, signal)
  signal?.throwIfAborted()
  return {archive: folder, version, sha256: sum, pack: {...pack, sha256: sum}}
}

/** What git knows or would add below a folder that is the top of a work tree; undefined where it is none. */
async function workTreeFiles(folder: string): Promise<readonly string[] | undefined> {
  const top = await git(folder, ['rev-parse', '--show-prefix'])
  if (top === undefined || top.trim() !== '') return undefined
  const list = async (...which: string[]) =>
    ((await git(folder, ['ls-files', '-z', ...which])) ?? '').split('\0').filter((name) => name !== '')
  const gone = new Set(await list('--deleted'))
  const files = await list('--cached', '--others', '--exclude-standard')
  return [...new Set(files)].filter((name) => !gone.has(name)).sort()
}

/** kbuild refuses such a tree too (Makefile: "outputmakefile"), a minute later. */
async function refuseBuilt(folder: string): Promise<void> {
  for (const left of ['.config', 'include/config/auto.conf'])
    if ((await readIfPresent(join(folder, left))) !== undefined)
      throw new UserError(`${folder} was built in: ${left} is there`, {
        exit: Exit.unsuitable,
        help: 'it would get into the new kernel: make mrproper there, or name a fresh copy or an archive',
      })
}

/**
 * A tag, branch or commit of a local repository. With a keyring, a tag has to be signed by one of `trusted`.
 * Throws UserError.
 */
export async function tagSource(
  repository: string,
  tag: string,
  {keyring, trusted}: {keyring?: string | undefined; trusted?: readonly string[] | undefined} = {},
): Promise<Source> {
  await requirePrograms([{name: 'git', package: 'git'}], 'a tag as source')
  const found = await git(repository, ['rev-parse', '--verify', '--quiet', '--end-of-options', tag])
  const object = found?.trim() ?? ''
  if (object === '')
    throw new UserError(`${repository} has no tag "${tag}"`, {
      exit: Exit.unsuitable,
      help: `git -C ${repository} tag --list "v6.*"; git fetch --tags gets new ones`,
    })
  if (keyring !== undefined)
    await requireSignedTag(await tagObject(repository, object, tag), tag, {keyring, trusted})
  const commit = (await git(repository, ['rev-parse', '--verify', `${object}^{commit}`]))?.trim() ?? ''
  const tree = (await git(repository, ['rev-parse', '--verify', `${object}^{tree}`]))?.trim() ?? ''
  const version = makefileVersion((await git(repository, ['cat-file', 'blob', `${tree}:Makefile`])) ?? '')
  if (version === undefined)
    throw new UserError(`${tag} of ${repository} is not a Linux source`, {exit: Exit.unsuitable})
  const date = (await commitDate(repository, commit)) ?? 0
  return {
    archive: `${tag} of ${repository}`,
    version,
    sha256: sha256(`git tree ${tree} ${date}\n`),
    pack: {
      argv: [
        'git',
        ...['-C', repository, '-c', 'tar.umask=0022', 'archive', '--format=tar', '--prefix=linux/'],
        commit, // not the tree: its files would be as old as this moment
      ],
    },
  }
}

async function tagObject(repository: string, object: string, tag: string): Promise<string> {
  const text = await git(repository, ['cat-file', 'tag', object])
  if (text !== undefined) return text
  throw new UserError(`${tag} is not a signed tag`, {
    exit: Exit.unsuitable,
    code: 'not-verified',
    help: 'releases have signed tags, such as v6.12.30; branches have none',
  })
}

async function commitDate(folder: string, what: string): Promise<number | undefined> {
  const text = await git(folder, ['log', '-1', '--format=%ct', what])
  return text === undefined || text.trim() === '' ? undefined : Number(text)
}

/** What git says; undefined when it fails, or is not there. */
async function git(folder: string, args: readonly string[]): Promise<string | undefined> {
  const {stdout, failed} = await execa('git', ['-C', folder, ...args], {
    // A GIT_DIR of whoever called us names another repository.
    env: {LC_ALL: 'C', GIT_DIR: undefined, GIT_WORK_TREE: undefined, GIT_INDEX_FILE: undefined},
    stdin: 'ignore',
    stripFinalNewline: false,
    maxBuffer: 200_000_000,
    reject: false,
  })
  return failed ? undefined : stdout
}

/** Of the archive that somebody named as a source: a directory, or a file. */
export async function isTree(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}
