// SPDX-License-Identifier: MIT
import {mergeLine} from './words.ts'

/**
 * An entry of the Boot Loader Specification (UAPI.1): one "key value" per line; `options` and
 * `initrd` may repeat. systemd-boot reads such entries, and so does GRUB with blscfg.
 */
export interface LoaderEntry {
  readonly title?: string
  readonly version?: string
  /** Relative to the file system of the entry. */
  readonly linux?: string
  readonly initrd: readonly string[]
  /** All `options` lines, joined with a blank as the loaders do. */
  readonly options: string
}

export function parseLoaderEntry(text: string): LoaderEntry {
  const values = (key: string) =>
    linesOf(text).flatMap((line) => (line.key === key && line.value !== '' ? [line.value] : []))
  const one = (key: 'title' | 'version' | 'linux') => {
    const value = values(key).at(-1)
    return value === undefined ? {} : {[key]: value}
  }
  return {
    ...one('title'),
    ...one('version'),
    ...one('linux'),
    initrd: values('initrd'),
    options: values('options').join(' '),
  }
}

export interface EntryChanges {
  readonly title?: string
  readonly version?: string
  readonly linux?: string
  readonly initrd?: readonly string[]
  /** Arguments to pass: see mergeLine. */
  readonly words?: readonly string[]
  /** The whole argument line, instead of `words`. */
  readonly options?: string
  /** GRUB's $kernelopts, for an entry that uses this variable. */
  readonly kernelopts?: string | undefined
}

/**
 * Copy an entry with changes. Everything else stays as it is, including unknown keys and comments.
 * The `options` lines become one line, in the place of the first. Pure.
 */
export function cloneLoaderEntry(text: string, changes: EntryChanges): string {
  const before = parseLoaderEntry(text)
  const expanded = before.options.replaceAll(
    /\$(?:kernelopts\b|\{kernelopts\})/g,
    () => changes.kernelopts ?? '$kernelopts',
  )
  const options = changes.options ?? mergeLine(expanded, changes.words ?? [])
  const replaced: Readonly<Record<string, readonly string[] | undefined>> = {
    title: changes.title === undefined ? undefined : [changes.title],
    version: changes.version === undefined ? undefined : [changes.version],
    linux: changes.linux === undefined ? undefined : [changes.linux],
    initrd: changes.initrd,
    options: [options],
  }
  const done = new Set<string>()
  const lines = linesOf(text).flatMap(({key, gap, raw}) => {
    const values = key === undefined ? undefined : replaced[key]
    if (key === undefined || values === undefined) return [raw]
    if (done.has(key)) return []
    done.add(key)
    return values.map((value) => `${key}${gap}${value}`)
  })
  const missing = Object.entries(replaced).flatMap(([key, values = []]) =>
    done.has(key) ? [] : values.filter(Boolean).map((value) => `${key} ${value}`),
  )
  return `${[...lines, ...missing].join('\n')}\n`
}

interface Line {
  readonly key?: string
  readonly gap: string
  readonly value: string
  readonly raw: string
}

function linesOf(text: string): readonly Line[] {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((raw) => {
      const [, key, gap = '', value = ''] = /^([A-Za-z][\w-]*)([ \t]+)(.*?)[ \t\r]*$/.exec(raw) ?? []
      return key === undefined ? {raw, gap: '', value: ''} : {key, gap, value, raw}
    })
}
