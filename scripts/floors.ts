// SPDX-License-Identifier: MIT
/**
 * The floors of src/, lowest first. A file imports from its own folder and from the floors below
 * it, never from a floor above; type imports count. `npm run docs` writes rules for the linter from
 * this (floors.json). A test fails if that file is stale, or if a folder of src/ has no floor.
 */
export const FLOORS = [
  'lib',
  'model',
  'boot',
  'schema',
  'host',
  'facts',
  'measure',
  'checks',
  'config',
  'plan',
  'lint',
  'kernel',
  'launch',
  'capture',
  'lab',
  'report',
  'ui',
  'commands',
] as const

/** Code that decides and renders, and does not touch the machine. */
const PURE = [
  'src/model/**',
  'src/boot/**',
  'src/schema/**',
  'src/facts/**',
  'src/measure/**',
  'src/checks/**',
  'src/lint/**',
  'src/report/**',
  'src/plan/plan.ts',
  'src/plan/steps/**',
]

const DOOR = {
  group: ['node:fs', 'node:fs/**', 'node:child_process', 'execa', '**/host/local.ts'],
  message: 'Only host/ and what applies a plan touch the machine: read in a fact, change in a step.',
}

/**
 * floors.json: a Biome configuration. Biome uses the last override that matches a file, so each
 * override has all rules of its files. Pure.
 */
export function floorRules(): string {
  const overrides = FLOORS.flatMap((floor, index) => {
    const above = FLOORS.slice(index + 1)
    const up =
      above.length === 0
        ? []
        : [
            {
              group: [`**/{${above.join(',')}}/**`],
              message: `An import may not go up a floor: ${floor} is below these (docs/adr/0013-floors.md).`,
            },
          ]
    const here = `src/${floor}/`
    const pure = PURE.filter((glob) => glob.startsWith(here))
    const whole = pure.includes(`${here}**`)
    return [
      ...(up.length > 0 || whole ? [override([`${here}**`], whole ? [...up, DOOR] : up)] : []),
      ...(pure.length > 0 && !whole ? [override(pure, [...up, DOOR])] : []),
    ]
  })
  return `${JSON.stringify({overrides}, null, 2)}\n`
}

const override = (includes: readonly string[], patterns: readonly object[]) => ({
  includes,
  linter: {rules: {style: {noRestrictedImports: {level: 'error', options: {patterns}}}}},
})
