// SPDX-License-Identifier: MIT

/**
 * The problems of a patch: it must be as `git format-patch --zero-commit --no-signature -N` writes
 * it, and as Documentation/process/submitting-patches.rst of the kernel requires. Empty if there
 * are none. Pure.
 */
export function patchProblems(text: string): readonly string[] {
  const end = text.search(/^---$/m)
  const head = end === -1 ? text : text.slice(0, end)
  const [fields = '', ...body] = head.split('\n\n')
  const field = (name: string) =>
    new RegExp(`^${name}: (.*(?:\\n[ \\t].*)*)`, 'm').exec(fields)?.[1]?.replaceAll(/\n[ \t]+/g, ' ')
  const author = field('From')
  const subject = field('Subject')
  const tags = [...head.matchAll(/^([A-Z][A-Za-z-]*-by|Fixes|Link|Cc): (.+)$/gm)].map(
    ([, name = '', value = '']) => ({name, value}),
  )
  const prose = body.join('\n\n').replaceAll(/^[A-Z][A-Za-z-]*(?:-by|): .*$/gm, '')
  return [
    ...(/^From 0{40} Mon Sep 17 00:00:00 2001$/m.test(fields.split('\n')[0] ?? '')
      ? []
      : ['does not begin with the line of git format-patch --zero-commit']),
    ...(author === undefined ? ['has no From'] : []),
    ...(field('Date') === undefined ? ['has no Date'] : []),
    ...(subject === undefined
      ? ['has no Subject']
      : /^\[PATCH\] [^\s:]+(?:[ /,][^\s:]+)*: \S/.test(subject)
        ? []
        : [`has a Subject that is not "[PATCH] subsystem: what it does": ${subject}`]),
    ...(end === -1 ? ['has no "---" between its message and its changes'] : []),
    ...(prose.trim() === '' ? ['does not say why'] : []),
    ...(author !== undefined && !tags.some(({name, value}) => name === 'Signed-off-by' && value === author)
      ? [`is not signed off by its author, ${author}`]
      : []),
    ...(/^diff --git /m.test(text) ? [] : ['changes nothing']),
    ...(/^-- \n/m.test(text) ? ['ends with a git version: --no-signature leaves it out'] : []),
  ]
}

/**
 * Patches that are missing in the series, that it names twice, or whose number is out of order.
 * Pure.
 */
export function orderProblems(names: readonly string[], files: readonly string[]): readonly string[] {
  const patches = files.filter((name) => name.endsWith('.patch'))
  return [
    ...patches.filter((name) => !names.includes(name)).map((name) => `${name} is not in the series`),
    ...names
      .filter((name, index) => names.indexOf(name) !== index)
      .map((name) => `${name} is in the series twice`),
    ...names.flatMap((name, index) => {
      const number = String(index + 1).padStart(4, '0')
      return name.startsWith(`${number}-`) ? [] : [`${name} should be number ${number}`]
    }),
  ]
}

/** The files that a patch changes or removes, without those that it creates. Pure. */
export function touchedFiles(text: string): readonly string[] {
  return [...new Set([...text.matchAll(/^--- a\/(\S+)$/gm)].map(([, path = '']) => path))]
}
