// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'

/** How this isolctl was called, for what is to call it again. */
export interface Invocation {
  /** Node and our program, absolute. */
  readonly program: readonly [string, ...string[]]
  /** Flags that say what is wanted: ["--cpus", "2-7"]. */
  readonly flags: readonly string[]
}

/** Given by the command, not read from the machine. */
export const invocation = defineFact<Invocation>('invocation', async () => {
  throw new Error('how isolctl was called was not given')
})

/** Network cards the operator named to be left alone, besides those that are found. */
export const sparedNics = defineFact<readonly string[]>('spared-nics', async () => [])
