// SPDX-License-Identifier: MIT
import {glob, readdir, readFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {FLOORS} from '../scripts/floors.ts'
import {packageRoot} from '../src/lib/assets.ts'

/**
 * The paths that a file names, from the package's root. Every quoted relative path counts, because the linter looks at
 * imports only: not at the type import('...'), at a template, at require, or at a URL.
 */
const namedIn = (file: string, text: string): readonly string[] =>
  [...text.matchAll(/(['"`])(\.{1,2}\/(?:(?!\1).)+)\1/g)].map(([, , path = '']) => join(dirname(file), path))

/** Ways to a module that are no import, and that neither the linter nor namedIn() follows. */
const BACK_DOOR = /\b(getBuiltinModule|createRequire|mainModule|_linkedBinding|binding\(|require\()/

/** The height of a file of src/; a file beside the folders (cli.ts) is above all. NaN: not in src/. */
function floorOf(path: string): number {
  const [top, folder = '', inside] = path.split('/')
  const floor = (FLOORS as readonly string[]).indexOf(folder)
  if (top !== 'src') return Number.NaN
  if (floor >= 0) return floor
  return inside === undefined ? FLOORS.length : Number.NaN
}

const goesUp = (file: string, to: string): boolean => !(floorOf(to) <= floorOf(file))

async function graph(): Promise<ReadonlyMap<string, readonly string[]>> {
  const edges = new Map<string, readonly string[]>()
  for await (const file of glob('src/**/*.ts', {cwd: packageRoot}))
    edges.set(file, namedIn(file, await readFile(join(packageRoot, file), 'utf8')))
  return edges
}

/** The files that are left when, again and again, those are taken away that name none of the rest. Pure. */
function circles(edges: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const rest = new Map(edges)
  for (let before = -1; before !== rest.size; ) {
    before = rest.size
    for (const [file, to] of rest) if (!to.some((path) => rest.has(path))) rest.delete(file)
  }
  return [...rest.keys()]
}

describe('the floors of src/ (scripts/floors.ts)', () => {
  test('every folder is on one', async () => {
    const entries = await readdir(join(packageRoot, 'src'), {withFileTypes: true})
    const folders = entries.filter((entry) => entry.isDirectory()).map(({name}) => name)
    expect(folders.sort()).toEqual([...FLOORS].sort())
  })

  test('no file names one of a higher floor, or one outside src/', async () => {
    const edges = await graph()
    expect(edges.size).toBeGreaterThan(300)
    const up = [...edges].flatMap(([file, to]) =>
      to.filter((path) => goesUp(file, path)).map((path) => `${file} -> ${path}`),
    )
    expect(up).toEqual(['src/cli.ts -> package.json'])
  })

  test('no file takes a module but by an import', async () => {
    const found: string[] = []
    for await (const file of glob('src/**/*.ts', {cwd: packageRoot})) {
      const [, way] = BACK_DOOR.exec(await readFile(join(packageRoot, file), 'utf8')) ?? []
      if (way !== undefined) found.push(`${file}: ${way}`)
    }
    expect(found).toEqual([])
  })

  test.each([
    "const {readFileSync} = process.getBuiltinModule('fs')",
    "const fs = process['getBuiltinModule']('node:fs')",
    "const fs = createRequire(import.meta.url)('node:fs')",
    "const fs = process.binding('fs')",
    "const fs = require('fs')",
  ])('%s is no import', (line) => expect(line).toMatch(BACK_DOOR))

  test('no file names itself through others', async () => {
    const edges = await graph()
    const inside = [...edges.values()].flat().filter((path) => edges.has(path))
    expect(inside.length).toBeGreaterThan(1000)
    expect(circles(edges)).toEqual([])
  })

  test.each([
    "export type It = import('../checks/check.ts').Check",
    "export type It = import('../checks').Check",
    "export * from '../checks/check.ts'",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: source text
    'const it = await import(`../checks/${name}.ts`)',
    "const it = createRequire(import.meta.url)('../checks/check.ts')",
    "import {main} from '../cli.ts'",
    "import {FLOORS} from '../../scripts/floors.ts'",
  ])('%s goes up from facts', (line) => {
    expect(namedIn('src/facts/probe.ts', line).some((path) => goesUp('src/facts/probe.ts', path))).toBe(true)
  })

  test.each(["import {it} from './cpus.ts'", "import {CpuSet} from '../model/cpuset.ts'"])(
    '%s does not',
    (line) => {
      const to = namedIn('src/facts/probe.ts', line)
      expect(to).toHaveLength(1)
      expect(to.filter((path) => goesUp('src/facts/probe.ts', path))).toEqual([])
    },
  )
})
