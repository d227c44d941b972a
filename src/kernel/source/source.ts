// SPDX-License-Identifier: MIT

/**
 * A kernel source. archive.ts, tag.ts and tree.ts make one; find-source.ts says who verified it.
 */
export interface Source {
  /** The archive, or the tree or repository that `pack` reads. */
  readonly archive: string
  /** Names the content, also of a tree or a tag. */
  readonly sha256: string
  readonly pack?: Pack
  /** VERSION.PATCHLEVEL.SUBLEVEL of its Makefile, e.g. "6.12.117". */
  readonly version: string
}

/** A program that writes a tar archive to its stdout, with one directory around everything. */
export interface Pack {
  readonly argv: readonly [string, ...string[]]
  readonly input?: string
  /** What the archive must be; absent if `argv` names the content. */
  readonly sha256?: string
}

/**
 * "6.12.117" from the first lines of the kernel's Makefile; undefined if it is another Makefile.
 * Pure.
 */
export function makefileVersion(makefile: string): string | undefined {
  const numbers = ['VERSION', 'PATCHLEVEL', 'SUBLEVEL'].map(
    (name) => new RegExp(`^${name}[ \\t]*=[ \\t]*(\\d+)[ \\t]*$`, 'm').exec(makefile)?.[1],
  )
  return numbers.includes(undefined) ? undefined : numbers.join('.')
}
