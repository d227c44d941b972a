// SPDX-License-Identifier: MIT
import {createHash} from 'node:crypto'
import {createReadStream} from 'node:fs'
import {stat} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import * as z from 'zod'
import {cacheFolder} from '../../lib/cache.ts'
import {errnoOf, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {parseJson, publishFile, readIfPresent} from '../../lib/files.ts'
import {type Base, inRange, sha256} from './series.ts'
import {type SignedSums, signedSha256} from './signature.ts'

/** A kernel source, as somebody we trust gave it: apt verified the package, or the user named it. */
export interface Source {
  /** The archive; or the tree or repository that `pack` makes one of. */
  readonly archive: string
  /** Names the content, whatever it is made of. */
  readonly sha256: string
  readonly pack?: Pack
  /** VERSION.PATCHLEVEL.SUBLEVEL of its Makefile, e.g. "6.12.117". */
  readonly version: string
}

/** A program that writes a tar archive, with one directory around everything, to its stdout. */
export interface Pack {
  readonly argv: readonly [string, ...string[]]
  readonly input?: string
  /** What the archive has to be; without: `argv` says it already. */
  readonly sha256?: string
}

export interface SourceOptions {
  readonly base: Base
  /** Another archive than Debian's. */
  readonly archive?: string | undefined
  /** Who signed for it. Without: whoever named the file vouches for it, or apt did. */
  readonly signed?: SignedSums | undefined
  readonly cache?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The source to build from. Throws UserError (exit 69) when there is none, or one that the patches are not for.
 * What the archive holds is remembered as long as the file does not change: reading it takes seconds.
 */
export async function findSource({base, archive, signed, cache, signal}: SourceOptions): Promise<Source> {
  const path = archive ?? debianArchive(base)
  const vouched = signed === undefined ? undefined : await signedSha256(path, signed)
  const source = {
    archive: path,
    ...(await inspect(path, archive === undefined ? base : undefined, vouched, {cache, signal})),
  }
  if (!inRange(source.version, base.applies))
    throw new UserError(`${path} is Linux ${source.version}, and the patches are for ${base.applies}`, {
      exit: Exit.unsuitable,
      help: `they were tested with ${base.testedWith}: apt-get install ${base.source}`,
    })
  return source
}

/** Where the Debian package of a base has its archive. */
export const debianArchive = (base: Base): string => `/usr/src/${base.source}.tar.xz`

const contents = z.object({stamp: z.string(), sha256: z.string(), version: z.string()})

/** What an archive holds. `base` is whose package has it, `vouched` the sha256 that somebody signed. */
export async function inspect(
  path: string,
  base: Base | undefined,
  vouched: string | undefined,
  {cache, signal}: Pick<SourceOptions, 'cache' | 'signal'>,
): Promise<{sha256: string; version: string}> {
  const stamp = await fileStamp(path, base)
  const memory = join(await cacheFolder('sources', cache), `${sha256(path)}.json`)
  const known = contents.safeParse(parseJson((await readIfPresent(memory)) ?? ''))
  const remembered = known.success && known.data.stamp === stamp ? known.data : undefined
  const sum = remembered?.sha256 ?? (await hashFile(path, signal))
  // Before anything looks into it.
  if (vouched !== undefined && vouched !== sum)
    throw new UserError(`${path} is not the file that was signed: its sha256 is ${sum}`, {
      exit: Exit.unsuitable,
      code: 'not-verified',
      help: 'it was cut off or changed on the way: fetch it again',
    })
  if (remembered !== undefined) return remembered
  const found = {stamp, sha256: sum, version: await archiveVersion(path, signal)}
  await publishFile(memory, `${JSON.stringify(found)}\n`)
  return found
}

/** Changes whenever the file does. */
async function fileStamp(path: string, base: Base | undefined): Promise<string> {
  try {
    const {size, mtimeNs, ctimeNs, ino} = await stat(path, {bigint: true})
    return [size, mtimeNs, ctimeNs, ino].join(' ')
  } catch (cause) {
    if (base !== undefined && errnoOf(cause) === 'ENOENT')
      throw new UserError(`the kernel source ${path} is missing`, {
        exit: Exit.unsuitable,
        code: 'missing-software',
        help: `apt-get install ${base.source}`,
        cause,
      })
    throw new UserError(`cannot read the kernel source ${path}: ${errnoOf(cause) ?? 'EIO'}`, {
      exit: Exit.unsuitable,
      cause,
    })
  }
}

async function hashFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, signal === undefined ? {} : {signal}))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

async function archiveVersion(path: string, signal: AbortSignal | undefined): Promise<string> {
  const {stdout, failed} = await execa(
    'tar',
    [
      '--extract',
      '--to-stdout',
      '--occurrence=1',
      '--wildcards',
      '--no-wildcards-match-slash',
      '--file',
      path,
      '*/Makefile',
    ],
    {stdin: 'ignore', reject: false, ...(signal === undefined ? {} : {cancelSignal: signal})},
  )
  signal?.throwIfAborted()
  const version = makefileVersion(stdout)
  if (failed || version === undefined)
    throw new UserError(`${path} is not a Linux source archive`, {exit: Exit.unsuitable})
  return version
}

/** "6.12.117" from the first lines of the kernel's Makefile. */
export function makefileVersion(makefile: string): string | undefined {
  const numbers = ['VERSION', 'PATCHLEVEL', 'SUBLEVEL'].map(
    (name) => new RegExp(`^${name}[ \\t]*=[ \\t]*(\\d+)[ \\t]*$`, 'm').exec(makefile)?.[1],
  )
  return numbers.includes(undefined) ? undefined : numbers.join('.')
}
