// SPDX-License-Identifier: MIT

/**
 * "did you mean plan?", or undefined where no name is similar. Names that are equally similar are
 * all given, each after `prefix`. Pure.
 */
export function didYouMean(typed: string, names: readonly string[], prefix = ''): string | undefined {
  const [best, ...others] = nearest(typed, names)
  if (best === undefined) return undefined
  const near = [best, ...others].filter((name) => distance(typed, name) === distance(typed, best))
  return `did you mean ${near.map((name) => prefix + name).join(' or ')}?`
}

/**
 * The names that are most similar to the one that was typed, best first; empty when none is
 * similar, or when nothing was typed. Pure.
 */
export function nearest(typed: string, names: readonly string[], most = 3): readonly string[] {
  if (typed.trim() === '') return []
  return names
    .map((name) => ({name, distance: distance(typed, name)}))
    .filter(({distance}) => distance <= 0.5)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({name}) => name)
}

/**
 * 0 for a name that contains what was typed, 1 for a name that has nothing in common with it. The
 * case does not count.
 */
function distance(text: string, called: string): number {
  const [typed, name] = [text.toLowerCase(), called.toLowerCase()]
  if (name.includes(typed)) return 0
  const share = (text: string) => editDistance(typed, text) / Math.max(typed.length, text.length)
  // The start of a name is compared as well: people type the first words of a long name.
  return Math.min(share(name), share(name.slice(0, typed.length)))
}

/** Levenshtein distance: the number of insertions, deletions and replacements. Pure. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({length: b.length + 1}, (_, index) => index)
  for (const [i, char] of [...a].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...b].entries())
      next.push(Math.min((next[j] ?? 0) + 1, (row[j + 1] ?? 0) + 1, (row[j] ?? 0) + Number(char !== other)))
    row = next
  }
  return row[b.length] ?? 0
}
