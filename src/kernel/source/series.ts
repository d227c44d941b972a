// SPDX-License-Identifier: MIT
import {createHash} from 'node:crypto'
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import * as z from 'zod'
import {packageRoot} from '../../lib/assets.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {readIfPresent} from '../../lib/files.ts'

export interface Patch {
  /** File name, e.g. "0001-sched-isolation-add-kconfig.patch". */
  readonly name: string
  readonly path: string
  readonly sha256: string
}

/** The patch queue for one base version, in the order of its quilt-compatible `series` file. */
export interface Series {
  readonly base: Base
  readonly folder: string
  readonly patches: readonly Patch[]
  /** Over names and contents, in order. */
  readonly sha256: string
}

const base = z.strictObject({
  /** The branch the patches are for, e.g. "6.12". */
  version: z.string().regex(/^\d+\.\d+$/),
  /** The Debian package with the source. */
  source: z.string().regex(/^[a-z0-9][a-z0-9.+-]+$/),
  testedWith: z.string(),
  /** Versions that the patches are meant for: ">=6.12.60 <6.13". */
  applies: z.string(),
})
export type Base = z.infer<typeof base>

/** Where the patches of this installation are: one folder for each base version. */
export function seriesFolder(version = '6.12'): string {
  return join(packageRoot, 'kernel-patches', version)
}

/** Every series of this installation, or of another folder like kernel-patches/. */
export async function allSeries(root = join(packageRoot, 'kernel-patches')): Promise<readonly Series[]> {
  const folders = await readdir(root, {withFileTypes: true})
  const names = folders.filter((entry) => entry.isDirectory()).map(({name}) => name)
  return await Promise.all(names.map((name) => readSeries(join(root, name))))
}

/**
 * The series for a version such as "6.12.117": of those meant for it, the one that was tested with the nearest version.
 * Throws UserError (exit 69) that says what there is. Pure.
 */
export function chooseSeries(version: string, all: readonly Series[], what = 'the source'): Series {
  const numbers = (text: string) => text.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0)
  const distance = ({base}: Series) => Math.abs(numbers(base.testedWith) - numbers(version))
  const [nearest] = all
    .filter(({base}) => inRange(version, base.applies))
    .sort((a, b) => distance(a) - distance(b))
  if (nearest !== undefined) return nearest
  const supported = all.map(({base}) => `${base.applies} (tested with ${base.testedWith})`).sort()
  throw new UserError(`${what} is Linux ${version}, and there are no patches for that`, {
    exit: Exit.unsuitable,
    code: 'unsupported-version',
    help: `supported: ${supported.join('; ') || 'nothing'}`,
  })
}

export async function readSeries(folder: string): Promise<Series> {
  const names = seriesNames(await required(join(folder, 'series')))
  const patches = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name)
      return {name, path, sha256: sha256(await required(path))}
    }),
  )
  return {
    base: parseBase(await required(join(folder, 'base.json')), folder),
    folder,
    patches,
    sha256: sha256(patches.map((patch) => `${patch.name} ${patch.sha256}\n`).join('')),
  }
}

/**
 * The names in a quilt series file: one a line, "#" starts a comment. Everything is applied with -p1; another option
 * would be silently wrong, so it is refused.
 */
export function seriesNames(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*/, '').trim())
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', ...options] = line.split(/\s+/)
      if (options.some((option) => option !== '-p1') || name.includes('/'))
        throw new UserError(`series: cannot use the line "${line}"`, {
          help: 'one file name a line, applied with -p1',
        })
      return name
    })
}

/** Names of the fragments in `config/`, without ".config". */
export async function fragmentNames(folder: string): Promise<string[]> {
  const names = await readdir(join(folder, 'config'))
  return names.filter((name) => name.endsWith('.config')).map((name) => name.slice(0, -'.config'.length))
}

export async function readFragment(folder: string, name: string): Promise<string> {
  return required(join(folder, 'config', `${name}.config`))
}

function parseBase(text: string, folder: string): Base {
  try {
    return base.parse(JSON.parse(text))
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause).split('\n')[0] : (cause as Error).message
    throw new UserError(`${folder}/base.json: ${why}`, {cause})
  }
}

async function required(path: string): Promise<string> {
  const text = await readIfPresent(path)
  if (text === undefined)
    throw new UserError(`${path} is missing`, {
      exit: Exit.unsuitable,
      help: 'the patches come with isolctl: is this a complete checkout?',
    })
  return text
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex')
}

/** Whether a version such as "6.12.117" meets every bound of a range such as ">=6.12.60 <6.13". */
export function inRange(version: string, range: string): boolean {
  return range
    .trim()
    .split(/\s+/)
    .every((bound) => {
      const match = /^(>=|<=|<|>|=)(\d+(?:\.\d+)*)$/.exec(bound)
      if (!match) throw new RangeError(`not a version bound: "${bound}"`)
      const order = compareVersions(version, match[2] ?? '')
      return {'>=': order >= 0, '<=': order <= 0, '<': order < 0, '>': order > 0, '=': order === 0}[
        match[1] as '>=' | '<=' | '<' | '>' | '='
      ]
    })
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)]
  for (let n = 0; n < Math.max(left.length, right.length); n++) {
    const order = (left[n] ?? 0) - (right[n] ?? 0)
    if (order !== 0) return order
  }
  return 0
}
