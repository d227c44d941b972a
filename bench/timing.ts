// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {packageRoot} from '../src/lib/assets.ts'

/** Wall-clock seconds of one run of a command in the checkout. Throws if the command fails. */
export async function wallSeconds([file = '', ...args]: readonly string[]): Promise<number> {
  const start = performance.now()
  await execa(file, args, {stdin: 'ignore', cwd: packageRoot})
  return (performance.now() - start) / 1000
}

/**
 * Seconds of the best of several runs of each command, taken in turns, so that a busy moment
 * affects all of them.
 */
export async function bestOf(
  runs: number,
  commands: readonly (readonly string[])[],
): Promise<readonly number[]> {
  const best = commands.map(() => Number.POSITIVE_INFINITY)
  for (let run = 0; run < runs; run++)
    for (const [index, command] of commands.entries())
      best[index] = Math.min(best[index] ?? Number.NaN, await wallSeconds(command))
  return best
}
