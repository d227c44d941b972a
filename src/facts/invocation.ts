// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'

/** How isolctl was called, for a unit that calls it again. */
export interface Invocation {
  /** Absolute paths of Node.js and of isolctl's entry script. */
  readonly program: readonly [string, ...string[]]
  /** The flags that set the target: ["--cpus", "2-7"]. */
  readonly flags: readonly string[]
}

/** Given by the command, not read from the machine. */
export const invocation = defineFact<Invocation>('invocation', async () => {
  throw new Error('the command did not give its invocation')
})

/** Network cards that the operator excludes, in addition to those that are detected. */
export const sparedNics = defineFact<readonly string[]>('spared-nics', async () => [])
