// SPDX-License-Identifier: MIT
import type {Change, Note} from '../model/change.ts'

/** One argument to pass. */
export interface WantedWord {
  readonly word: string
  /** What somebody else says under this name stands. Otherwise it is a conflict, or ours replaces it in an entry of ours. */
  readonly yields?: true
}

/** How a boot loader comes to pass what is wanted. */
export interface BootPlan {
  /** None when it does already. */
  readonly changes: readonly Change[]
  readonly notes: readonly Note[]
  /** The command line of the entry that boots next, as it will be. */
  readonly line: string
}

/** A file that may not be there. */
export interface MaybeFile {
  readonly path: string
  readonly text: string | null
}

/** A change of it, or none when it is so already. */
export const fileChange = ({path, text}: MaybeFile, to: string | null): readonly Change[] =>
  text === to ? [] : [{kind: 'file', path, from: text, to}]
