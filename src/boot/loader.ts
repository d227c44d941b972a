// SPDX-License-Identifier: MIT
import type {Change, Note} from '../model/change.ts'

/** One argument to pass. */
export interface WantedWord {
  readonly word: string
  /**
   * An argument of this name that another file sets is kept. Without `yields` it is a conflict, or
   * isolctl's argument replaces it in isolctl's own entry.
   */
  readonly yields?: true
}

/** The changes after which a boot loader passes the arguments. */
export interface BootPlan {
  /** Empty when it passes them already. */
  readonly changes: readonly Change[]
  readonly notes: readonly Note[]
  /** The future command line of the entry that boots next. */
  readonly line: string
}

/** A file that may be absent. */
export interface MaybeFile {
  readonly path: string
  readonly text: string | null
}

/** The change of a file, none when it already has this text. Pure. */
export const fileChange = ({path, text}: MaybeFile, to: string | null): readonly Change[] =>
  text === to ? [] : [{kind: 'file', path, from: text, to}]
