// SPDX-License-Identifier: MIT
import {posix} from 'node:path'
import type {HostView} from '../host/host.ts'
import {parsed} from './fact.ts'

/** Directories of units, the first one overrides the others (systemd.unit(5)). */
const UNIT_FOLDERS = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
]

/** One file of a unit: the unit itself, or a drop-in. */
export interface UnitFile {
  readonly path: string
  readonly text: string
}

/** A line that no unit file has. */
const isOdd = (line: string) => !/^\s*(?:[#;].*|\[.*|.*=.*|.*\\)?$/.test(line)
/** Whether a text with odd lines is a unit file all the same: it has a section. */
const hasSection = (text: string) => /^\s*\[\w+\]/m.test(text)

/** The text of a unit file; an empty one takes a drop-in of the same name back. Throws Error for other text. */
async function unitText(host: HostView, path: string): Promise<string | undefined> {
  const text = await host.read(path)
  if (text?.split('\n').some(isOdd) && !hasSection(text)) throw new Error(`${path}: not a unit file`)
  return text
}

/**
 * The unit file of a service and its drop-ins, in the order in which systemd reads them: by name,
 * where a name in a folder of higher priority replaces the same name in others. Empty where there is
 * no unit.
 */
export async function unitFiles(host: HostView, service: string): Promise<readonly UnitFile[]> {
  const found: UnitFile[] = []
  for (const folder of UNIT_FOLDERS) {
    const path = `${folder}/${service}`
    const text = await unitText(host, path)
    if (text === undefined) continue
    found.push({path, text})
    break
  }
  if (found.length === 0) return []
  const dropIns = new Map<string, string>()
  for (const folder of UNIT_FOLDERS)
    for (const name of await host.list(`${folder}/${service}.d`))
      if (name.endsWith('.conf') && !dropIns.has(name)) dropIns.set(name, `${folder}/${service}.d/${name}`)
  for (const [, path] of [...dropIns].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const text = await unitText(host, path)
    if (text !== undefined) found.push({path, text})
  }
  return found
}

/** The settings of a unit that make the environment of its program (systemd.exec(5)). */
interface EnvironmentSettings {
  /** Environment=: the last assignment counts. */
  readonly variables: ReadonlyMap<string, string>
  /** EnvironmentFile=, in order. Its variables override those of Environment=. */
  readonly files: readonly string[]
  /** UnsetEnvironment=: removed at the end. */
  readonly unset: ReadonlySet<string>
}

/** An empty value takes back what was set before. Pure. */
function environmentSettings(texts: readonly string[], files: readonly string[]): EnvironmentSettings {
  let [variables, paths, unset] = [new Map<string, string>(), files, new Set<string>()]
  for (const [key, value] of texts.flatMap(serviceLines)) {
    if (key === 'Environment') {
      if (value === '') variables = new Map()
      for (const word of words(value)) {
        const [, name, text = ''] = /^(\w+)=(.*)$/s.exec(word) ?? []
        if (name !== undefined) variables.set(name, text)
      }
    } else if (key === 'EnvironmentFile') paths = value === '' ? [] : [...paths, ...filePath(value)]
    else if (key === 'UnsetEnvironment')
      unset =
        value === ''
          ? new Set()
          : new Set([...unset, ...words(value).map((word) => word.split('=', 1)[0] ?? '')])
  }
  return {variables, files: paths, unset}
}

/** systemd ignores a path that is relative or has ".." in it (shared/parse-helpers.c: path_simplify_and_warn). Pure. */
function filePath(value: string): readonly string[] {
  const path = value.replace(/^-/, '').replace(/^(["'])(.*)\1$/, '$2')
  return path.startsWith('/') && !path.split('/').includes('..') ? [posix.normalize(path)] : []
}

/** The assignments in [Service], with continued lines joined. Pure. */
function serviceLines(text: string): readonly (readonly [key: string, value: string])[] {
  let section = ''
  return text
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .flatMap((line): readonly (readonly [string, string])[] => {
      section = /^\s*\[(\w+)\]\s*$/.exec(line)?.[1] ?? section
      const [, key, value = ''] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
      return key === undefined || section !== 'Service' ? [] : [[key, value]]
    })
}

/** Words that blanks separate; quotes keep blanks together. Pure. */
const words = (text: string): readonly string[] =>
  [...text.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replaceAll(
      /"([^"]*)"|'([^']*)'/g,
      (_all, double?: string, single?: string) => double ?? single ?? '',
    ),
  )

/** The environment that systemd will start a service with. */
export interface ServiceEnvironment {
  readonly variables: ReadonlyMap<string, string>
  /** The files that were read and that set something: environment files, and units with Environment=. */
  readonly from: readonly string[]
}

/**
 * The environment of a service from its unit files. `usual` are the environment files of a service
 * whose unit names none, or that has no unit. Throws Error for an environment file with other text.
 */
export async function serviceEnvironment(
  host: HostView,
  units: readonly UnitFile[],
  usual: readonly string[],
): Promise<ServiceEnvironment> {
  const named = units[0] !== undefined && /^\s*EnvironmentFile\s*=/m.test(units[0].text)
  const {variables, files, unset} = environmentSettings(
    units.map(({text}) => text),
    named ? [] : usual,
  )
  const all = new Map(variables)
  const from: string[] = []
  for (const path of files) {
    const text = await host.read(path) // an operator's file may be empty
    if (text === undefined) continue
    from.push(path)
    for (const [name, value] of parsed(path, text, (each) => assignments(each, '\n'))) all.set(name, value)
  }
  for (const {path, text} of units) if (/^\s*Environment\s*=\s*\S/m.test(text)) from.push(path)
  for (const name of unset) all.delete(name)
  return {variables: all, from}
}

/**
 * NAME=VALUE, NAME='VALUE', comments and blank lines (systemd.exec(5), EnvironmentFile=). Throws
 * Error for a text that has another line and no assignment.
 */
export function assignments(text: string, separator: '\n' | '\0'): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  let odd: string | undefined
  for (const line of text.split(separator)) {
    const [, name, value = ''] = /^\s*(?:export\s+)?(\w+)=(.*)$/s.exec(line) ?? []
    if (name !== undefined)
      found.set(
        name,
        value
          .trim()
          .replace(/^(["'])(.*)\1.*$/s, '$2')
          .trim(),
      )
    else if (!/^\s*([#;].*)?$/.test(line)) odd ??= line
  }
  if (odd !== undefined && found.size === 0) throw new Error('not an environment')
  return found
}

/** Stands for what is left out. It is no path, no set of CPUs and no assignment. */
const LEFT_OUT = 'REDACTED'
/** isolctl compares its own files as a whole. */
const OWN_COMMENT = /^# Written by isolctl.*$/gm
/** A value that is a set of CPUs, as a mask or as a list, or a try at one. */
const CPUS = /^[\da-fx,:/\s-]*$/i

const withoutWords = (value: string) => (CPUS.test(value) ? value : LEFT_OUT)
const ownComments = (text: string): readonly string[] => text.match(OWN_COMMENT) ?? []

/** The environment files that a text of a unit names. Pure. */
export const environmentFiles = (text: string): readonly string[] => environmentSettings([text], []).files

/**
 * The text of a unit file that serviceEnvironment() reads as it reads this one, with no other setting
 * and no other variable in it. `kept`: the names of the variables, whose values are sets of CPUs. Pure.
 */
export function unitWithOnly(kept: RegExp, text: string): string {
  if (text === '') return text
  const lines = text
    .replaceAll(/\\\n\s*/g, ' ')
    .split('\n')
    .flatMap((line): readonly string[] => {
      if (/^\s*\[\w+\]\s*$/.test(line)) return [line.trim()]
      const [, key, value = ''] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
      if (key === 'EnvironmentFile')
        return [`${key}=${value === '' || filePath(value).length > 0 ? value : LEFT_OUT}`]
      if (key !== 'Environment' && key !== 'UnsetEnvironment') return []
      const variables = words(value).map((word) => {
        const [name = '', ...rest] = word.split('=')
        if (!kept.test(name)) return `${LEFT_OUT}=`
        return key === 'Environment' ? `"${name}=${withoutWords(rest.join('='))}"` : name
      })
      // An empty value takes back what was set before, so that a variable that is left out leaves a word.
      return [`${key}=${value === '' ? '' : variables.join(' ') || LEFT_OUT}`]
    })
  const damaged = text.split('\n').some(isOdd) && !hasSection(text)
  return [...ownComments(text), ...(damaged ? [LEFT_OUT] : lines), ''].join('\n')
}

/**
 * The text of an environment that assignments() reads as it reads this one, with no other variable
 * in it. Pure.
 */
export function environmentWithOnly(kept: RegExp, text: string, separator: '\n' | '\0'): string {
  if (text.trim() === '') return text
  try {
    const variables = [...assignments(text, separator)]
      .filter(([name]) => kept.test(name))
      .map(([name, value]) => `${name}=${withoutWords(value)}`)
    const lines = [...(separator === '\n' ? ownComments(text) : []), ...variables]
    return `${(lines.length === 0 ? [`# ${LEFT_OUT}`] : lines).join(separator)}${separator}`
  } catch {
    return `${LEFT_OUT}${separator}` // no environment, and it stays none
  }
}
