// SPDX-License-Identifier: MIT
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import * as z from 'zod'
import {packageRoot} from '../../lib/assets.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {readIfPresent} from '../../lib/files.ts'
import {sha256} from '../sha256.ts'

export interface Patch {
  /** File name, e.g. "0001-sched-isolation-add-kconfig.patch". */
  readonly name: string
  readonly path: string
  readonly sha256: string
}

/**
 * The patches for one base version, in the order of its `series` file, which quilt(1) reads too.
 */
export interface Series {
  readonly base: Base
  readonly folder: string
  readonly patches: readonly Patch[]
  /** Of the names and contents, in order. */
  readonly sha256: string
}

const base = z.strictObject({
  /** The branch that the patches are for, e.g. "6.12". */
  version: z.string().regex(/^\d+\.\d+$/),
  /** The Debian package that contains the source. */
  source: z.string().regex(/^[a-z0-9][a-z0-9.+-]+$/),
  testedWith: z.string(),
  /** The versions that the patches are for: ">=6.12.60 <6.13". */
  applies: z.string(),
})
export type Base = z.infer<typeof base>

/** Has a folder for each base version. Part of this installation. */
export const PATCHES = join(packageRoot, 'kernel-patches')

/**
 * Every series of this installation, or of another folder like kernel-patches/. Throws UserError
 * (exit 69).
 */
export async function allSeries(patches = PATCHES): Promise<readonly Series[]> {
  const folders = await readdir(patches, {withFileTypes: true})
  const names = folders.filter((entry) => entry.isDirectory()).map(({name}) => name)
  return await Promise.all(names.map((name) => readSeries(join(patches, name))))
}

/**
 * The series for a version such as "6.12.117": of those that apply to it, the one that was tested
 * with the nearest version. Throws UserError (exit 69) that names the supported versions. Pure.
 */
export function chooseSeries(version: string, all: readonly Series[], what = 'the source'): Series {
  const numbers = (text: string) => text.split('.').reduce((sum, part) => sum * 1000 + Number(part), 0)
  const distance = ({base}: Series) => Math.abs(numbers(base.testedWith) - numbers(version))
  const [nearest] = all
    .filter(({base}) => inRange(version, base.applies))
    .sort((a, b) => distance(a) - distance(b))
  if (nearest !== undefined) return nearest
  const supported = all.map(({base}) => `${base.applies} (tested with ${base.testedWith})`).sort()
  throw new UserError(`${what} is Linux ${version}, and there are no patches for that version`, {
    exit: Exit.unsuitable,
    code: 'unsupported-version',
    help: `supported: ${supported.join('; ') || 'nothing'}`,
  })
}

/** The series in a folder. Throws UserError that names the missing or malformed file. */
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
 * The names in a series file: one in each line, "#" starts a comment. Every patch is applied with
 * -p1, so that another option is an error. Throws UserError. Pure.
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
          help: 'write one file name in each line; each patch is applied with -p1',
        })
      return name
    })
}

/** config/NAME.config of a series. Throws UserError (exit 69). */
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
      help: 'the patches are part of isolctl: install it again, or name a complete folder with --patches',
    })
  return text
}

/**
 * Whether a version such as "6.12.117" meets every bound of a range such as ">=6.12.60 <6.13".
 * Throws RangeError for a malformed bound. Pure.
 */
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
