// SPDX-License-Identifier: MIT
/**
 * What is kept of the files of other programs. Such a file may hold anything: a token of the kubelet, a
 * password in the name of a mount, the key of a tunnel in the database of Open vSwitch. So the list says
 * what is kept, which is what a fact reads, and all else is left out.
 */

import {programNode} from '../boot/firmware.ts'
import {environmentFiles, environmentWithOnly, unitWithOnly} from '../facts/service-environment.ts'

/** What stays, in the order of the file, one match a line. Without a pattern: nothing, only that the file exists. */
const KEPT: readonly (readonly [path: RegExp, kept?: RegExp])[] = [
  // src/facts/irqbalance.ts
  [/\/changelog\.Debian\.gz$/, /^irqbalance \([^)]*\)/],
  // src/facts/kubelet.ts, open-vswitch.ts, tuners.ts
  [/\/kubelet\/config\.yaml$/, /(?<=^[^#\n]*["'{,\s])strict-cpu-reservation["']?\s*:\s*["']?\w+/gm],
  [/\/openvswitch\/conf\.db$/, /"pmd-cpu-mask","(?:0x)?[0-9a-f]+"/gi],
  [/\/rt-conf\/.*\/config\.yaml$/],
  // src/facts/programs.ts: the program, without its arguments
  [/^\/proc\/\d+\/cmdline$/, /^[^\0]*/],
  // src/boot/owners.ts
  [/^\/etc\/kernel\/install\.conf$/, /^\s*layout\s*=.*$/gm],
  [/^\/etc\/sysconfig\/bootloader$/, /^\s*LOADER_TYPE\s*=.*$/gm],
  [/^\/boot(\/firmware)?\/config\.txt$/, /^\s*(os_prefix|cmdline)\s*=.*$/gm],
  [
    /^\/etc\/(NIXOS|kernelstub\/configuration|mkinitcpio\.conf|dracut\.conf|update-extlinux\.conf|zipl\.conf)$/,
  ],
  [/^\/etc\/default\/(flash-kernel|limine)$/],
  [/^\/boot\/(refind_linux\.conf|armbianEnv\.txt|(.*\/)?limine\.(conf|cfg))$/],
  [/\/(extlinux\.conf|syslinux\.cfg)$/],
]

const NOTHING = '# REDACTED\n'

/** src/facts/irqbalance.ts: the variables with CPUs, in the unit, in its drop-ins, and in the files that are read without a unit. */
const BANS = /^IRQBALANCE_BANNED_\w+$/
const IRQBALANCE_UNIT = /\/systemd\/system\/irqbalance\.service(\.d\/[^/]+\.conf)?$/
const IRQBALANCE_ENVIRONMENT =
  /^\/(etc\/(default|sysconfig)|usr\/lib\/irqbalance)\/(irqbalance|defaults\.env)$|\/irqbalance\.service\.d\/[^/]+\.env$/

/** The environment of irqbalance, as a file or as it was started with, without what no fact reads. Pure. */
export const bansOf = (text: string, separator: '\n' | '\0' = '\n'): string =>
  environmentWithOnly(BANS, text, separator)

/** The environment files that the unit of irqbalance and its drop-ins name: they can be anywhere. Pure. */
export const namedEnvironments = (files: ReadonlyMap<string, string>): ReadonlySet<string> =>
  new Set([...files].flatMap(([path, text]) => (IRQBALANCE_UNIT.test(path) ? environmentFiles(text) : [])))

/** The text of another program's file without what no fact reads; undefined for a file that is not in the list. Pure. */
export function keptOf(path: string, text: string): string | undefined {
  if (path === '/proc/mounts') return text.split('\n').map(mount).join('\n')
  if (/\/efivars\/Boot[0-9A-F]{4}-/.test(path)) return bootEntry(text)
  if (IRQBALANCE_UNIT.test(path)) return unitWithOnly(BANS, text)
  if (IRQBALANCE_ENVIRONMENT.test(path)) return bansOf(text)
  const rule = KEPT.find(([files]) => files.test(path))
  if (rule === undefined) return undefined
  const [, kept] = rule
  if (text === '') return text // an empty file is another finding than one with a text
  const matches =
    kept === undefined ? [] : kept.global ? (text.match(kept) ?? []) : [kept.exec(text)?.[0] ?? '']
  return matches.length === 0 ? NOTHING : `${matches.join('\n')}\n`
}

/** A mount: its type, and for the FAT file systems that can be an ESP where they are. */
function mount(line: string): string {
  const [device, point, type] = line.split(' ')
  if (type === undefined) return ''
  return /^(vfat|msdos)$/.test(type) ? `${device} ${point} ${type} rw 0 0` : `none /REDACTED ${type} rw 0 0`
}

/**
 * A boot entry of the firmware: its attributes and the node with the path of its program. The name
 * of the entry has the serial number of a disk, and what follows the path may be boot arguments.
 */
const bootEntry = (text: string): string => text.slice(0, 4) + (programNode(text) ?? '')
