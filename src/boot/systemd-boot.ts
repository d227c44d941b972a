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

/**
 * The usual mount points of the ESP and of the extended boot partition ($BOOT), where systemd-boot
 * finds its entries.
 */
export const BOOT_FOLDERS = ['/boot', '/efi', '/boot/efi'] as const

/** The value of `default` in a loader.conf; undefined when it is not set. Pure. */
export function defaultEntry(loaderConf: string): string | undefined {
  return /^[ \t]*default[ \t]+(.*?)[ \t\r]*$/m.exec(loaderConf)?.[1]
}

/** The same loader.conf with this entry as default; every other line stays as it is. Pure. */
export function withDefaultEntry(loaderConf: string, name: string): string {
  const line = /^[ \t]*default([ \t]+).*$/m
  if (line.test(loaderConf)) return loaderConf.replace(line, (_, gap: string) => `default${gap}${name}`)
  return `default ${name}\n${loaderConf}`
}

/**
 * The text of an EFI variable as efivarfs prints it: four bytes of attributes, then UTF-16 text
 * that ends in NUL. Pure.
 */
export const efiText = (contents: string): string => contents.slice(4).replaceAll('\0', '').trim()

/** The state of systemd-boot on a machine. */
export interface SystemdBootState {
  readonly entries: readonly EntryFile[]
  /** The file on the ESP. */
  readonly loaderConf: MaybeFile
  /** /etc/kernel/cmdline, from which kernel-install takes the arguments of later kernels. */
  readonly kernelCmdline: MaybeFile
  /** The entry that was booted (LoaderEntrySelected), when the firmware variable exists. */
  readonly selected?: string
  /**
   * The default entry that `bootctl set-default` stores (LoaderEntryDefault); it overrides
   * loader.conf.
   */
  readonly efiDefault?: string
  /** uname -r */
  readonly release: string
}

/**
 * The changes after which systemd-boot passes these words: isolctl's entry for the running kernel
 * becomes the default. The distribution's entry stays in the menu. Throws Error when this cannot
 * work. Pure.
 */
export function planSystemdBoot(state: SystemdBootState, wanted: readonly WantedWord[]): BootPlan {
  const {entries, loaderConf, kernelCmdline, release} = state
  const source = bootedEntry(state)
  const name = ownEntryName(release)
  if (state.efiDefault !== undefined && state.efiDefault !== '' && state.efiDefault !== name)
    throw new Error(
      `the EFI variable LoaderEntryDefault names ${state.efiDefault} and overrides loader.conf: clear it with bootctl set-default ""`,
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

/** The distribution's entry for the running kernel. */
function bootedEntry({entries, selected, release}: SystemdBootState): EntryFile {
  const others = entries.filter((entry) => !isOwn(entry))
  const byName = others.find(({path}) => selected !== undefined && idOf(path) === idOf(selected))
  const found = byName ?? others.find(({text}) => parseLoaderEntry(text).version === release)
  if (found === undefined) throw new Error(`there is no boot entry for the running kernel ${release}`)
  return found
}

/**
 * The arguments of the default entry now; the entry of the running kernel when no default is set.
 * Pure.
 */
export function configuredSystemdBoot(state: SystemdBootState): string | undefined {
  const wanted = state.efiDefault || defaultEntry(state.loaderConf.text ?? '')
  const named = state.entries.find(({path}) => wanted !== undefined && idOf(path) === idOf(wanted))
  const entry =
    named ??
    state.entries.find((each) => !isOwn(each) && parseLoaderEntry(each.text).version === state.release)
  return entry === undefined ? undefined : parseLoaderEntry(entry.text).options
}
