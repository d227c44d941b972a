// SPDX-License-Identifier: MIT
/**
 * How long the hostile tests attack. `npm test` runs a few inputs of each kind; `npm run test:hostile`
 * sets both variables, and every kind then has its share of the time.
 */

/** The seed of `npm run test:hostile`, which repeats its inputs; undefined in `npm test`. */
export const seed: number | undefined =
  process.env['HOSTILE'] === undefined ? undefined : Number(process.env['HOSTILE']) || 1

/** Milliseconds for a part of all hostile tests. */
export const share = (part: number): number => part * (Number(process.env['HOSTILE_MS']) || 420_000)

/** The same items in an order that the seed decides, so that a short run does not try the first ones only. */
export function shuffled<T>(items: readonly T[], by: number): readonly T[] {
  // Numbers of Numerical Recipes, chapter 7.1: any sequence will do that a seed repeats.
  let state = by >>> 0
  const next = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0)
  return items
    .map((item) => [next(), item] as const)
    .sort(([a], [b]) => a - b)
    .map(([, item]) => item)
}
