// SPDX-License-Identifier: MIT
import {type BootPlan, fileChange, type MaybeFile, type WantedWord} from './loader.ts'
import {parseLoaderEntry} from './loader-entry.ts'
import {
  type EntryFile,
  idOf,
  isOwn,
  kernelCmdlineChange,
  laterKernels,
  OWN_ENTRY,
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
  const {efiDefault = ''} = state
  if (efiDefault !== '' && efiDefault.toLowerCase() !== name.toLowerCase())
    throw new Error(
      `the EFI variable LoaderEntryDefault names ${efiDefault} and overrides loader.conf: clear it with bootctl set-default ""`,
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

/**
 * The distribution's entry for the running kernel: the one that was booted, or the one that
 * isolctl's booted entry was copied from. Without a firmware variable it is the one of this version.
 */
function bootedEntry({entries, selected, release}: SystemdBootState): EntryFile {
  const others = entries.filter((entry) => !isOwn(entry))
  const booted = entries.find((entry) => isEntry(entry, selected))
  if (booted !== undefined && !isOwn(booted)) return booted
  if (booted === undefined && selected !== undefined && !OWN_ENTRY.test(selected))
    throw new Error(
      `the boot entry that started this machine, ${selected}, is not there any more: reboot first`,
    )
  const {linux} = parseLoaderEntry(booted?.text ?? '')
  const found =
    others.find(({text}) => parseLoaderEntry(text).version === release) ??
    others.find(({text}) => linux !== undefined && parseLoaderEntry(text).linux === linux)
  if (found === undefined) throw new Error(`there is no boot entry for the running kernel ${release}`)
  return found
}

/** Whether a firmware variable or loader.conf names this entry. systemd-boot ignores the case. Pure. */
export const isEntry = ({path}: EntryFile, named: string | undefined): boolean =>
  named !== undefined && idOf(path).toLowerCase() === idOf(named).toLowerCase()

/**
 * The arguments of the default entry now; the entry of the running kernel when no default is set.
 * Pure.
 */
export function configuredSystemdBoot(state: SystemdBootState): string | undefined {
  const wanted = state.efiDefault || defaultEntry(state.loaderConf.text ?? '')
  const named = state.entries.find((entry) => isEntry(entry, wanted))
  const entry =
    named ??
    state.entries.find((each) => !isOwn(each) && parseLoaderEntry(each.text).version === state.release)
  return entry === undefined ? undefined : parseLoaderEntry(entry.text).options
}
