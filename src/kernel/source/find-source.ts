// SPDX-License-Identifier: MIT
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {archiveSource, debianArchive} from './archive.ts'
import {type Base, chooseSeries, type Series} from './series.ts'
import {type SignedSums, signedSha256} from './signature.ts'
import type {Source} from './source.ts'
import {tagSource} from './tag.ts'
import {isTree, treeSource} from './tree.ts'

/** Where a source came from, and who verified it. */
export interface Origin {
  readonly kind: 'debian' | 'archive' | 'tree' | 'tag'
  readonly source: Source
  /** apt: the Debian package. signature: a key of kernel.org. user: isolctl did not verify it. */
  readonly verified: 'apt' | 'signature' | 'user'
}

/** What the user says about the source. */
export interface SourceRequest {
  /** An archive, a source tree, or a repository; Debian's archive if absent. */
  readonly path?: string | undefined
  readonly tag?: string | undefined
  readonly signed?: SignedSums | undefined
  /** The keyring for a tag. */
  readonly keyring?: string | undefined
  /** Accept an archive without a signature. */
  readonly unsigned?: boolean
}

export interface SourceContext {
  readonly cache?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * The source to build, and the series of `all` for its version. Throws UserError (exit 69) if there
 * is no source, if it is not verified, or if no series is for its version.
 */
export async function findSource(
  request: SourceRequest,
  all: readonly Series[],
  context: SourceContext = {},
): Promise<{readonly origin: Origin; readonly series: Series}> {
  const origin = await findOrigin(
    request,
    all.map((each) => each.base),
    context,
  )
  const {version, archive} = origin.source
  return {origin, series: chooseSeries(version, all, archive)}
}

async function findOrigin(
  request: SourceRequest,
  bases: readonly Base[],
  context: SourceContext,
): Promise<Origin> {
  const {path, tag, keyring} = request
  if (tag !== undefined) {
    const source = await tagSource(path ?? '.', tag, {keyring})
    return {kind: 'tag', source, verified: keyring === undefined ? 'user' : 'signature'}
  }
  if (path !== undefined && (await isTree(path)))
    return {kind: 'tree', source: await treeSource(path, context.signal), verified: 'user'}
  const debian = bases.find((base) => debianArchive(base) === path)
  if (path !== undefined && debian === undefined) return await namedArchive(path, request, context)
  return await debianOrigin(debian === undefined ? bases : [debian], context)
}

async function namedArchive(
  path: string,
  {signed, unsigned}: SourceRequest,
  context: SourceContext,
): Promise<Origin> {
  if (signed === undefined && unsigned !== true)
    throw new UserError(`${path} has no signature`, {
      exit: Exit.unsuitable,
      code: 'not-verified',
      help: 'give --sums sha256sums.asc --keyring kernel-org.gpg, or --unsigned if you know where the archive comes from',
    })
  const expected = signed === undefined ? undefined : await signedSha256(path, signed)
  const source = await archiveSource(path, {...context, expected})
  return {kind: 'archive', source, verified: signed === undefined ? 'user' : 'signature'}
}

/** The newest of Debian's sources that is installed. */
async function debianOrigin(bases: readonly Base[], context: SourceContext): Promise<Origin> {
  const newestFirst = [...bases].sort((a, b) => b.version.localeCompare(a.version, 'en', {numeric: true}))
  let missing: unknown
  for (const base of newestFirst)
    try {
      const source = await archiveSource(debianArchive(base), {...context, package: base.source})
      return {kind: 'debian', source, verified: 'apt'}
    } catch (error) {
      if (!(error instanceof UserError) || error.code !== 'missing-software') throw error
      missing ??= error // the error for the newest base names its package
    }
  throw missing
}
