// SPDX-License-Identifier: MIT

import {basename, dirname, join} from 'node:path'
import type {Change, Note} from '../model/change.ts'
import {parseCmdline} from './cmdline.ts'
import {fileChange, type MaybeFile, type WantedWord} from './loader.ts'
import {cloneLoaderEntry, type LoaderEntry, parseLoaderEntry} from './loader-entry.ts'
import {mergeLine, nameOf, requirePlain, sameWord} from './words.ts'

/** A file in a folder of boot entries. */
export interface EntryFile {
  readonly path: string
  readonly text: string
}

/** File names of the entries that isolctl writes. */
export const OWN_ENTRY = /^isolctl-[^/]*\.conf$/

/** The file name of isolctl's entry for a kernel: "isolctl-6.12.0-1-amd64.conf". Pure. */
export const ownEntryName = (version: string): string =>
  `isolctl-${version.replaceAll(/[^A-Za-z0-9._~+-]/g, '_')}.conf`

/**
 * The id of an entry in boot loader variables and grubenv: its file name without boot counters
 * ("+3-1") and ".conf". Pure.
 */
export const idOf = (path: string): string => basename(path).replace(/(\+\d+(-\d+)?)?\.conf$/, '')

export const isOwn = ({path}: EntryFile): boolean => OWN_ENTRY.test(basename(path))

/** The entry that isolctl writes, and the changes that lead to it. */
export interface OwnEntry {
  readonly entry: LoaderEntry
  readonly changes: readonly Change[]
  readonly notes: readonly Note[]
  /** The words to pass. */
  readonly words: readonly string[]
  /** The words that isolctl passed until now and that are no longer wanted. */
  readonly dropped: readonly string[]
}

/**
 * A copy of `source` with the wanted words. In the copy, isolctl's words replace other arguments of
 * the same name; `source` is not changed. An entry of isolctl's for a kernel that no other entry
 * starts is removed. Pure.
 */
export function ownEntry(
  entries: readonly EntryFile[],
  {
    source,
    name,
    wanted,
    kernelopts,
  }: {
    readonly source: EntryFile
    readonly name: string
    readonly wanted: readonly WantedWord[]
    readonly kernelopts?: string | undefined
  },
): OwnEntry {
  const {title = '', options = ''} = parseLoaderEntry(source.text)
  const foreign = parseCmdline(options.replace('$kernelopts', kernelopts ?? '')).args
  const notes: Note[] = []
  const words = wanted.flatMap(({word, yields}) => {
    const other = foreign.find((arg) => arg.name === nameOf(word))
    if (!yields || other === undefined) return [word]
    if (!sameWord(other.text, word))
      notes.push({subject: word, reason: `left out: ${other.text} is already passed`})
    return []
  })
  requirePlain(words)
  const text = cloneLoaderEntry(source.text, {title: `${title} (isolctl)`, words, kernelopts})
  const path = join(dirname(source.path), name)
  const before = entries.find((entry) => entry.path === path)?.text ?? null
  const had =
    before === null ? [] : parseCmdline(parseLoaderEntry(before).options).args.map((arg) => arg.text)
  const started = new Set(
    entries.filter((entry) => !isOwn(entry)).map((entry) => parseLoaderEntry(entry.text).linux),
  )
  const orphans = entries.filter(
    (entry) => isOwn(entry) && entry.path !== path && !started.has(parseLoaderEntry(entry.text).linux),
  )
  return {
    entry: parseLoaderEntry(text),
    changes: [
      ...fileChange({path, text: before}, text),
      ...orphans.map((entry): Change => ({kind: 'file', path: entry.path, from: entry.text, to: null})),
    ],
    notes,
    words,
    dropped: had.filter((word) => !words.includes(word) && !foreign.some((arg) => sameWord(arg.text, word))),
  }
}

/**
 * Pass the same words to kernels that are installed later, where kernel-install reads a file of
 * arguments. Pure.
 */
export function kernelCmdlineChange(file: MaybeFile, {words, dropped}: OwnEntry): readonly Change[] {
  if (file.text === null || isCommented(file.text)) return []
  return fileChange(file, mergeLine(file.text, words, dropped))
}

export function laterKernels({path, text}: MaybeFile): readonly Note[] {
  if (text === null)
    return [
      {
        subject: 'kernels installed later',
        reason: `${path} does not exist: they start with the arguments of the running kernel until apply runs again`,
      },
    ]
  return isCommented(text) ? [{subject: path, reason: 'it has comments and is not changed'}] : []
}

const isCommented = (text: string) => /^\s*#/m.test(text)
