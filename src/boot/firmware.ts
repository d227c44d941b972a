// SPDX-License-Identifier: MIT
import type {Cmdline} from './cmdline.ts'

/** The path of an EFI variable of the boot loader (systemd.io/BOOT_LOADER_INTERFACE). Pure. */
export const loaderVariable = (name: string): string =>
  `/sys/firmware/efi/efivars/${name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`

/** The path of an EFI variable of the firmware itself (UEFI specification, 3.3). Pure. */
export const firmwareVariable = (name: string): string =>
  `/sys/firmware/efi/efivars/${name}-8be4df61-93ca-11d2-aa0d-00e098032b8c`

/** efivarfs prints four bytes of attributes before the value. */
const dataOf = (contents: string): string => contents.slice(4)

/** The text of an EFI variable: UTF-16 that ends in NUL. Pure. */
export const efiText = (contents: string): string => dataOf(contents).replaceAll('\0', '').trim()

/**
 * The name of the boot entry that BootCurrent stands for: "Boot0003". Undefined for a byte that is
 * no UTF-8. A capture may lack the NUL bytes at the end. Pure.
 */
export function bootEntryName(bootCurrent: string): string | undefined {
  const [low, high] = [0, 1].map((at) => dataOf(bootCurrent).charCodeAt(at) || 0)
  if (low === undefined || high === undefined || low > 0x7f || high > 0x7f) return undefined
  return `Boot${(high * 256 + low).toString(16).toUpperCase().padStart(4, '0')}`
}

/**
 * The program that a boot entry starts, "/EFI/debian/shimx64.efi". Undefined for an entry without
 * one, such as a network boot. Pure.
 */
export function programOf(bootEntry: string): string | undefined {
  const node = programNode(bootEntry)
  if (node === undefined) return undefined
  let text = ''
  for (let each = 4; (node[each] ?? '\0') !== '\0'; each += 2) text += node[each]
  return text.replaceAll('\\', '/')
}

/**
 * The file path node of the device path in a boot entry (UEFI specification, 3.1.3 and 10.3.5.4: type
 * 4, subtype 4, length, UTF-16 that ends in NUL). Pure.
 */
export function programNode(bootEntry: string): string | undefined {
  for (let at = bootEntry.indexOf(FILE_PATH); at !== -1; at = bootEntry.indexOf(FILE_PATH, at + 1)) {
    if (bootEntry[at + 4] !== '\\') continue
    let end = at + 4
    while ((bootEntry[end] ?? '\0') !== '\0') end += 2
    return bootEntry.slice(at, end + 2)
  }
  return undefined
}

const FILE_PATH = '\x04\x04'

/** What EFI variables report about this boot. A key is absent if there is no such variable. */
export interface Firmware {
  /** LoaderInfo: "systemd-boot 252.31", "GRUB 2.12". */
  readonly loader?: string
  /** StubInfo: "systemd-stub 257", the program in front of the kernel in a unified kernel image. */
  readonly stub?: string
  /** LoaderEntrySelected: the entry that the loader started, "debian-6.12.conf". */
  readonly selected?: string
  /** LoaderEntryDefault: the entry that `bootctl set-default` stored. */
  readonly defaultEntry?: string
  /** LoaderDevicePartUUID: the partition that the loader was started from, in lower case. */
  readonly partition?: string
  /** The boot entry that the firmware started, and its program. */
  readonly entry?: {readonly name: string; readonly program: string}
}

/** The program that passed the boot arguments to the kernel. */
export interface Starter {
  /** efi: an EFI program that is not GRUB, and is not known further. */
  readonly kind: 'grub' | 'systemd-boot' | 'uki' | 'efi-stub' | 'efi' | 'other'
  /** The name for messages: "GRUB 2.12", "rEFInd 0.14.0". */
  readonly name: string
}

/**
 * The program that passed the boot arguments: LoaderInfo names it, or the boot entry does. GRUB
 * before 2.12 sets no LoaderInfo. Without EFI variables the form of the first argument shows it.
 * Undefined if nothing does. Pure.
 */
export function starterOf(firmware: Firmware, cmdline: Cmdline | undefined): Starter | undefined {
  const {loader, stub, selected, entry} = firmware
  const [first] = cmdline?.args ?? []
  // Only GRUB and its predecessors pass this argument. systemd-boot may have it in a copied entry.
  const bootImage = first?.name === 'BOOT_IMAGE' ? (first.value ?? '') : undefined
  if (/\.efi$/i.test(selected ?? '')) return {kind: 'uki', name: selected ?? ''}
  if (stub !== undefined && selected === undefined && bootImage === undefined)
    return {kind: 'uki', name: entry?.program ?? stub}
  if (loader?.startsWith('systemd-boot')) return {kind: 'systemd-boot', name: loader}
  if (loader?.startsWith('GRUB')) return {kind: 'grub', name: loader}
  if (loader !== undefined && bootImage === undefined) return {kind: 'other', name: loader}
  const named = entry && starterIn(entry.program, bootImage !== undefined)
  if (named && (named.kind !== 'other' || bootImage === undefined)) return named
  // A boot manager such as rEFInd can start GRUB.
  if (loader !== undefined || named || bootImage?.startsWith('(')) return {kind: 'grub', name: 'GRUB'}
  // systemd-boot passes the initrd in this form, and so do rEFInd and boot entries of the EFI stub.
  const initrd = cmdline?.args.find(({name, value}) => name === 'initrd' && value?.includes('\\'))
  return initrd && {kind: 'efi', name: `the EFI boot loader that passed ${initrd.text}`}
}

/** Programs that a boot entry can name. shim starts GRUB, unless LoaderInfo names another one. */
const PROGRAMS: readonly (readonly [RegExp, Starter['kind'], string?])[] = [
  [/^\/EFI\/Linux\/[^/]+\.efi$/i, 'uki'],
  [/systemd-?boot/i, 'systemd-boot', 'systemd-boot'],
  [/refind/i, 'other', 'rEFInd'],
  [/limine/i, 'other', 'Limine'],
  [/zfsbootmenu|\/zbm\//i, 'other', 'ZFSBootMenu'],
  [/\/(grub|shim)[^/]*\.efi$/i, 'grub', 'GRUB'],
  [/\/(vmlinu[xz]|bzimage|zimage|linux|kernel)[^/]*$/i, 'efi-stub'],
]

/** Any loader can be installed under this name: firmware starts it where it has no boot entry. */
const FALLBACK = /^\/EFI\/BOOT\/BOOT[^/]*\.efi$/i

/** `chained`: GRUB passed the arguments, so that a program of an unknown name only started it. */
function starterIn(program: string, chained: boolean): Starter | undefined {
  const found = PROGRAMS.find(([pattern]) => pattern.test(program))
  if (found) return {kind: found[1], name: found[2] ?? program}
  return FALLBACK.test(program) || chained ? undefined : {kind: 'other', name: program}
}
