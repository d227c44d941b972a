// SPDX-License-Identifier: MIT

/** Where systemd-boot looks: the ESP, and the extended boot partition ($BOOT), in the usual places. */
export const BOOT_FOLDERS = ['/boot', '/efi', '/boot/efi'] as const

/** Our entries, told from all others by their names. */
export const OWN_ENTRY = /^isolctl-[^/]*\.conf$/

/** The file name of our entry for a kernel: "isolctl-6.12.0-1-amd64.conf". */
export const ownEntryName = (version: string): string =>
  `isolctl-${version.replaceAll(/[^A-Za-z0-9._~+-]/g, '_')}.conf`

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
