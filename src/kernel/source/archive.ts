// SPDX-License-Identifier: MIT
import {stat} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import * as z from 'zod'
import {cacheFolder} from '../../lib/cache.ts'
import {errnoOf, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {parseJson, publishFile, readIfPresent} from '../../lib/files.ts'
import {interruption} from '../../lib/interrupt.ts'
import {requirePrograms} from '../../lib/programs.ts'
import {fileSha256, sha256} from '../sha256.ts'
import type {Base} from './series.ts'
import {makefileVersion, type Source} from './source.ts'

/** Where the Debian package of a base has its archive. Pure. */
export const debianArchive = (base: Base): string => `/usr/src/${base.source}.tar.xz`

export interface ArchiveOptions {
  /** The Debian package that contains the archive; the error for a missing archive names it. */
  readonly package?: string
  /** The sha256 that was signed. */
  readonly expected?: string | undefined
  readonly cache?: string | undefined
  readonly signal?: AbortSignal | undefined
}

const READERS = [
  {name: 'tar', package: 'tar'},
  {name: 'xz', package: 'xz-utils'},
]

const contents = z.object({stamp: z.string(), sha256: z.string(), version: z.string()})

/**
 * A source archive. Its sha256 and version are kept in the cache as long as the file does not
 * change, because reading the archive takes seconds. The sha256 is compared before the archive is
 * opened. Throws UserError (exit 69), Interrupted.
 */
export async function archiveSource(path: string, options: ArchiveOptions): Promise<Source> {
  const {expected, cache, signal} = options
  const stamp = await fileStamp(path, options)
  const memory = join(await cacheFolder('sources', cache), `${sha256(path)}.json`)
  const known = contents.safeParse(parseJson((await readIfPresent(memory)) ?? ''))
  const remembered = known.success && known.data.stamp === stamp ? known.data : undefined
  const sum = remembered?.sha256 ?? (await fileSha256(path, signal))
  if (expected !== undefined && expected !== sum)
    throw new UserError(`${path} is not the file that was signed: its sha256 is ${sum}`, {
      exit: Exit.unsuitable,
      code: 'not-verified',
      help: 'the file was truncated or changed: download it again',
    })
  if (remembered !== undefined) return {archive: path, sha256: sum, version: remembered.version}
  const version = await archiveVersion(path, signal)
  await publishFile(memory, `${JSON.stringify({stamp, sha256: sum, version})}\n`)
  return {archive: path, sha256: sum, version}
}

/** A text that changes when the file changes. */
async function fileStamp(path: string, options: ArchiveOptions): Promise<string> {
  try {
    const {size, mtimeNs, ctimeNs, ino} = await stat(path, {bigint: true})
    return [size, mtimeNs, ctimeNs, ino].join(' ')
  } catch (cause) {
    if (options.package !== undefined && errnoOf(cause) === 'ENOENT')
      throw new UserError(`the kernel source ${path} is missing`, {
        exit: Exit.unsuitable,
        code: 'missing-software',
        help: `apt-get install ${options.package}`,
        cause,
      })
    throw new UserError(`cannot read the kernel source ${path}: ${errnoOf(cause) ?? 'EIO'}`, {
      exit: Exit.unsuitable,
      cause,
    })
  }
}

async function archiveVersion(path: string, signal: AbortSignal | undefined): Promise<string> {
  const {stdout, failed} = await execa(
    'tar',
    [
      ...['--extract', '--to-stdout', '--occurrence=1', '--wildcards', '--no-wildcards-match-slash'],
      ...['--file', path, '*/Makefile'],
    ],
    {stdin: 'ignore', reject: false, ...(signal === undefined ? {} : {cancelSignal: signal})},
  )
  if (signal?.aborted) throw interruption(signal)
  const version = makefileVersion(stdout)
  if (failed) await requirePrograms(READERS, 'reading the kernel source')
  if (failed || version === undefined)
    throw new UserError(`${path} is not a Linux source archive`, {exit: Exit.unsuitable})
  return version
}
