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

/** What GRUB has on a machine whose menu is a folder of entries (blscfg: Fedora, RHEL). */
export interface BlsState {
  readonly entries: readonly EntryFile[]
  /** grubenv, where the default entry is kept, */
  readonly env: {readonly path: string; readonly variables: ReadonlyMap<string, string>}
  /** and the only program that may write it. */
  readonly editenv: string
  /** Whether grub.cfg takes its default from there. */
  readonly savedDefault: boolean
  readonly kernelCmdline: MaybeFile
}

/**
 * What makes GRUB pass these words: a copy of the entry that boots by default, as the default one. Entries of the
 * distribution, and what grubby, TuneD and others keep in them, stay as they are. Pure; throws Error where it would
 * not work.
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

/** The distribution's entry behind the default one: itself, or what ours was copied from. */
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
    throw new Error(`saved_entry=${saved} in ${env.path} names no entry; choose one with grub2-set-default`)
  return found
}

/** GRUB sorts by version, newest first; the rescue entry has a number that no kernel has. */
function newest(entries: readonly EntryFile[]): EntryFile | undefined {
  const version = ({text}: EntryFile) => parseLoaderEntry(text).version ?? ''
  return entries
    .filter((entry) => !version(entry).startsWith('0-rescue'))
    .toSorted((a, b) => version(b).localeCompare(version(a), 'en', {numeric: true}))[0]
}

/** TuneD passes its arguments through a variable of GRUB: behind our back, if they were the same ones. */
function refuseTuned(params: string, options: string, wanted: readonly WantedWord[]): void {
  if (!options.includes('$tuned_params')) return
  const theirs = parseCmdline(params).args.find(
    ({name}) => SINGLE.has(name) && wanted.some(({word}) => parseCmdline(word).args[0]?.name === name),
  )
  if (theirs !== undefined)
    throw new Error(
      `TuneD passes ${theirs.text} already (grubenv: tuned_params), and of two the kernel drops one: switch to a profile without it`,
    )
}

/** What GRUB makes of its variables. */
const expand = (text: string, variables: ReadonlyMap<string, string>): string =>
  text.replaceAll(/\$(?:(\w+)|\{(\w+)\})/g, (_, a: string, b: string) => variables.get(a ?? b) ?? '')

/** What the default entry passes now; undefined where none is the default one. Pure. */
export function configuredBls({entries, env: {variables}}: BlsState): string | undefined {
  const saved = variables.get('saved_entry') ?? ''
  const named = entries.find(({path, text}) => idOf(path) === saved || parseLoaderEntry(text).title === saved)
  const entry = named ?? (/^0?$/.test(saved) ? newest(entries) : undefined)
  return entry === undefined ? undefined : expand(parseLoaderEntry(entry.text).options, variables)
}
