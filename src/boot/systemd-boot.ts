// SPDX-License-Identifier: MIT
import {type BootPlan, fileChange, type MaybeFile, type WantedWord} from './loader.ts'
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

/** Where systemd-boot looks: the ESP, and the extended boot partition ($BOOT), in the usual places. */
export const BOOT_FOLDERS = ['/boot', '/efi', '/boot/efi'] as const

/** What `default` in a loader.conf says; undefined where it says nothing. Pure. */
export function defaultEntry(loaderConf: string): string | undefined {
  return /^[ \t]*default[ \t]+(.*?)[ \t\r]*$/m.exec(loaderConf)?.[1]
}

/** The same loader.conf with this entry as the default one; every other line stays as it is. Pure. */
export function withDefaultEntry(loaderConf: string, name: string): string {
  const line = /^[ \t]*default([ \t]+).*$/m
  if (line.test(loaderConf)) return loaderConf.replace(line, (_, gap: string) => `default${gap}${name}`)
  return `default ${name}\n${loaderConf}`
}

/** An EFI variable as efivarfs gives it: four bytes of attributes, then UTF-16 text that ends in NUL. Pure. */
export const efiText = (contents: string): string => contents.slice(4).replaceAll('\0', '').trim()

/** What systemd-boot has on a machine. */
export interface SystemdBootState {
  readonly entries: readonly EntryFile[]
  /** On the ESP. */
  readonly loaderConf: MaybeFile
  /** /etc/kernel/cmdline, from which kernel-install makes the entries of later kernels. */
  readonly kernelCmdline: MaybeFile
  /** The entry that this boot was started from (LoaderEntrySelected), where the firmware tells. */
  readonly selected?: string
  /** The default entry as `bootctl set-default` keeps it (LoaderEntryDefault): it overrules loader.conf. */
  readonly efiDefault?: string
  /** uname -r */
  readonly release: string
}

/**
 * What makes systemd-boot pass these words: an entry of our own for the running kernel, as the default one. The
 * distribution's entry stays, and stays in the menu. Pure; throws Error where it would not work.
 */
export function planSystemdBoot(state: SystemdBootState, wanted: readonly WantedWord[]): BootPlan {
  const {entries, loaderConf, kernelCmdline, release} = state
  const source = bootedEntry(state)
  const name = ownEntryName(release)
  if (state.efiDefault !== undefined && state.efiDefault !== '' && state.efiDefault !== name)
    throw new Error(
      `the EFI variable LoaderEntryDefault names ${state.efiDefault} and overrules loader.conf: clear it with bootctl set-default ""`,
    )
  const own = ownEntry(entries, {source, name, wanted})
  const line = [...own.entry.initrd.map((path) => `initrd=${path.replaceAll('/', '\\')}`), own.entry.options]
  return {
    changes: [
      ...own.changes,
      ...fileChange(loaderConf, withDefaultEntry(loaderConf.text ?? '', name)),
      ...kernelCmdlineChange(kernelCmdline, own),
    ],
    notes: [...own.notes, ...laterKernels(kernelCmdline)],
    line: line.join(' '),
  }
}

/** The distribution's entry of the running kernel. */
function bootedEntry({entries, selected, release}: SystemdBootState): EntryFile {
  const others = entries.filter((entry) => !isOwn(entry))
  const byName = others.find(({path}) => selected !== undefined && idOf(path) === idOf(selected))
  const found = byName ?? others.find(({text}) => parseLoaderEntry(text).version === release)
  if (found === undefined) throw new Error(`no boot entry is that of the running kernel ${release}`)
  return found
}

/** What the default entry passes now: ours where it is the default one, else that of the running kernel. Pure. */
export function configuredSystemdBoot(state: SystemdBootState): string | undefined {
  const wanted = state.efiDefault || defaultEntry(state.loaderConf.text ?? '')
  const named = state.entries.find(({path}) => wanted !== undefined && idOf(path) === idOf(wanted))
  const entry =
    named ??
    state.entries.find((each) => !isOwn(each) && parseLoaderEntry(each.text).version === state.release)
  return entry === undefined ? undefined : parseLoaderEntry(entry.text).options
}
