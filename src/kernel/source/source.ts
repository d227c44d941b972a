// SPDX-License-Identifier: MIT
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {debianArchive, inspect, type Source} from './archive.ts'
import {isTree, tagSource, treeSource} from './pack.ts'
import type {Base} from './series.ts'
import {type SignedSums, signedSha256} from './signature.ts'

/** Where a source came from, and who answers for it. */
export interface Origin {
  readonly kind: 'debian' | 'archive' | 'tree' | 'tag'
  readonly source: Source
  /** apt checked the package; a key of kernel.org signed it; or it is what the user said. */
  readonly verified: 'apt' | 'signature' | 'user'
}

export interface OriginOptions {
  /** An archive, a source tree, or a repository; Debian's archive when not given. */
  readonly path?: string | undefined
  readonly tag?: string | undefined
  readonly signed?: SignedSums | undefined
  /** For a tag. */
  readonly keyring?: string | undefined
  /** Take an archive that nobody signed for. */
  readonly unsigned?: boolean
  /** What there are patches for. */
  readonly bases: readonly Base[]
  readonly cache?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** Throws UserError (exit 69) when there is no source, or one that nobody answers for. */
export async function findOrigin(options: OriginOptions): Promise<Origin> {
  const {path, tag, keyring, bases, signal} = options
  if (tag !== undefined) {
    const source = await tagSource(path ?? '.', tag, {keyring})
    return {kind: 'tag', source, verified: keyring === undefined ? 'user' : 'signature'}
  }
  if (path !== undefined && (await isTree(path)))
    return {kind: 'tree', source: await treeSource(path, signal), verified: 'user'}
  const debian = bases.find((base) => debianArchive(base) === path)
  if (path !== undefined && debian === undefined) return await archive(path, options)
  return await debianSource(debian === undefined ? bases : [debian], options)
}

async function archive(path: string, {signed, unsigned, cache, signal}: OriginOptions): Promise<Origin> {
  if (signed === undefined && unsigned !== true)
    throw new UserError(`nobody has signed for ${path}`, {
      exit: Exit.unsuitable,
      code: 'not-verified',
      help: 'give --sums sha256sums.asc --keyring kernel-org.gpg, or --unsigned if you know where it comes from',
    })
  const vouched = signed === undefined ? undefined : await signedSha256(path, signed)
  const found = await inspect(path, undefined, vouched, {cache, signal})
  return {
    kind: 'archive',
    source: {archive: path, ...found},
    verified: signed === undefined ? 'user' : 'signature',
  }
}

/** The newest of Debian's sources that is installed. */
async function debianSource(bases: readonly Base[], {cache, signal}: OriginOptions): Promise<Origin> {
  const newestFirst = [...bases].sort((a, b) => b.version.localeCompare(a.version, 'en', {numeric: true}))
  let missing: unknown
  for (const base of newestFirst)
    try {
      const found = await inspect(debianArchive(base), base, undefined, {cache, signal})
      return {kind: 'debian', source: {archive: debianArchive(base), ...found}, verified: 'apt'}
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'missing-software') throw error
      missing ??= error // names the package of the newest
    }
  throw missing
}
