// SPDX-License-Identifier: MIT

/**
 * The names that are most similar to the one that was typed, best first; empty when none is
 * similar. Pure.
 */
export function nearest(typed: string, names: readonly string[], most = 3): readonly string[] {
  const share = (name: string) => editDistance(typed, name) / Math.max(typed.length, name.length)
  // The start of a name is compared as well: people type the first words of a long name.
  const score = (name: string) =>
    name.includes(typed) ? 0 : Math.min(share(name), share(name.slice(0, typed.length)))
  return names
    .map((name) => ({name, distance: score(name)}))
    .filter(({distance}) => distance <= 0.5)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, most)
    .map(({name}) => name)
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
