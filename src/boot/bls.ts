// SPDX-License-Identifier: MIT
import {parseCmdline} from './cmdline.ts'
import {SINGLE} from './grub.ts'
import type {BootPlan, MaybeFile, WantedWord} from './loader.ts'
import {parseLoaderEntry} from './loader-entry.ts'
import {
  type EntryFile,
  idOf,
  isOwn,
  kernelCmdlineChange,
  laterKernels,
  ownEntry,
  ownEntryName,
} from './own-entry.ts'

/** The state of GRUB on a machine whose menu is a folder of entries (blscfg: Fedora, RHEL). */
export interface BlsState {
  readonly entries: readonly EntryFile[]
  /** grubenv, which stores the default entry. */
  readonly env: {readonly path: string; readonly variables: ReadonlyMap<string, string>}
  /** Path of grub-editenv, the only program that may write grubenv. */
  readonly editenv: string
  /** grub.cfg reads its default entry from grubenv. */
  readonly savedDefault: boolean
  readonly kernelCmdline: MaybeFile
}

/**
 * The changes after which GRUB passes these words: a copy of the entry that boots by default
 * becomes the default entry. The entries of the distribution stay as they are, with the arguments
 * that grubby, TuneD and others keep in them. Throws Error when this cannot work. Pure.
 */
export function planBls(state: BlsState, wanted: readonly WantedWord[]): BootPlan {
  const {entries, env, editenv, savedDefault, kernelCmdline} = state
  if (!savedDefault)
    throw new Error(
      'GRUB does not take its default entry from grubenv: set GRUB_DEFAULT=saved in /etc/default/grub and run grub2-mkconfig',
    )
  const source = defaultEntry(state)
  const {version = '', options} = parseLoaderEntry(source.text)
  refuseTuned(env.variables.get('tuned_params') ?? '', options, wanted)
  const name = ownEntryName(version)
  const own = ownEntry(entries, {source, name, wanted, kernelopts: env.variables.get('kernelopts')})
  const saved = env.variables.get('saved_entry') ?? null
  return {
    changes: [
      ...own.changes,
      ...(saved === idOf(name)
        ? []
        : [
            {
              kind: 'grubenv' as const,
              path: env.path,
              name: 'saved_entry',
              from: saved,
              to: idOf(name),
              editenv,
            },
          ]),
      ...kernelCmdlineChange(kernelCmdline, own),
    ],
    notes: [...own.notes, ...laterKernels(kernelCmdline)],
    line: `BOOT_IMAGE=${own.entry.linux} ${expand(own.entry.options, env.variables)}`,
  }
}

/**
 * The distribution's entry for the default boot: the default entry itself, or the one that
 * isolctl's entry was copied from.
 */
function defaultEntry({entries, env}: BlsState): EntryFile {
  const others = entries.filter((entry) => !isOwn(entry))
  const saved = env.variables.get('saved_entry') ?? ''
  const named = entries.find(({path, text}) => idOf(path) === saved || parseLoaderEntry(text).title === saved)
  const {linux} = parseLoaderEntry(named?.text ?? '')
  const found =
    named && isOwn(named)
      ? others.find(({text}) => parseLoaderEntry(text).linux === linux)
      : (named ?? (/^0?$/.test(saved) ? newest(others) : undefined))
  if (found === undefined)
    throw new Error(
      `saved_entry=${saved} in ${env.path} does not match any entry: choose one with grub2-set-default`,
    )
  return found
}

/** GRUB sorts by version, newest first. The rescue entry has the version "0-rescue". */
function newest(entries: readonly EntryFile[]): EntryFile | undefined {
  const version = ({text}: EntryFile) => parseLoaderEntry(text).version ?? ''
  return entries
    .filter((entry) => !version(entry).startsWith('0-rescue'))
    .toSorted((a, b) => version(b).localeCompare(version(a), 'en', {numeric: true}))[0]
}

/**
 * TuneD passes its arguments through the GRUB variable tuned_params. The same argument there would
 * conflict with ours.
 */
function refuseTuned(params: string, options: string, wanted: readonly WantedWord[]): void {
  if (!options.includes('$tuned_params')) return
  const theirs = parseCmdline(params).args.find(
    ({name}) => SINGLE.has(name) && wanted.some(({word}) => parseCmdline(word).args[0]?.name === name),
  )
  if (theirs !== undefined)
    throw new Error(
      `TuneD already passes ${theirs.text} (grubenv: tuned_params), and the kernel drops one of the two: switch to a profile without it`,
    )
}

/** Expand GRUB's variables, as GRUB does. */
const expand = (text: string, variables: ReadonlyMap<string, string>): string =>
  text.replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (_, a: string, b: string) => variables.get(a ?? b) ?? '')

/** The arguments of the default entry now; undefined when there is no default entry. Pure. */
export function configuredBls({entries, env: {variables}}: BlsState): string | undefined {
  const saved = variables.get('saved_entry') ?? ''
  const named = entries.find(({path, text}) => idOf(path) === saved || parseLoaderEntry(text).title === saved)
  const entry = named ?? (/^0?$/.test(saved) ? newest(entries) : undefined)
  return entry === undefined ? undefined : expand(parseLoaderEntry(entry.text).options, variables)
}
