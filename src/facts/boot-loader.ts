// SPDX-License-Identifier: MIT

import type {BlsState} from '../boot/bls.ts'
import {GRUB_DROP_IN, type GrubState, ordinaryEntries, parseGrubCfg} from '../boot/grub.ts'
import {parseGrubenv} from '../boot/grubenv.ts'
import type {MaybeFile} from '../boot/loader.ts'
import type {BootLoader} from '../boot/loaders.ts'
import type {EntryFile} from '../boot/own-entry.ts'
import {BOOT_FOLDERS, efiText} from '../boot/systemd-boot.ts'
import type {HostView} from '../host/host.ts'
import {cmdline} from './cmdline.ts'
import {defineFact, type Get} from './fact.ts'
import {kernel} from './kernel.ts'

/**
 * The boot loader of the machine, detected as follows: ostree by its boot argument; systemd-boot
 * and GRUB since 2.12 by an EFI variable (systemd-boot(7), LoaderInfo); all others by their files.
 * Throws when a file cannot be read.
 */
export const bootLoader = defineFact<BootLoader>('boot-loader', async (host, get) => {
  const booted = await get(cmdline).catch(() => undefined)
  if (booted?.args.some(({name}) => name === 'ostree')) return OSTREE
  const info = await efiVariable(host, 'LoaderInfo')
  const systemd =
    info === undefined || info.startsWith('systemd-boot') ? await systemdBoot(host, get) : undefined
  if (systemd && info !== undefined) return systemd
  const grub = await grubLoader(host)
  if (grub) return grub
  if (systemd) return systemd
  for (const path of EXTLINUX) if ((await host.read(path)) !== undefined) return extlinux(path)
  return {kind: 'none'}
})

const OSTREE: BootLoader = {
  kind: 'other',
  name: 'ostree',
  add: (words) =>
    `rpm-ostree kargs ${words
      .split(' ')
      .map((word) => `--append-if-missing=${word}`)
      .join(' ')}`,
}

const EXTLINUX = ['/boot/extlinux/extlinux.conf', '/boot/syslinux/syslinux.cfg', '/extlinux/extlinux.conf']

const extlinux = (path: string): BootLoader => ({
  kind: 'other',
  name: `extlinux (${path})`,
  add: (words) =>
    `append them to U_BOOT_PARAMETERS in /etc/default/u-boot and run u-boot-update, or to the APPEND line in ${path}: ${words}`,
})

async function efiVariable(host: HostView, name: string): Promise<string | undefined> {
  // The vendor GUID of the Boot Loader Interface.
  const text = await host.read(`/sys/firmware/efi/efivars/${name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`)
  return text === undefined ? undefined : efiText(text)
}

async function grubLoader(host: HostView): Promise<BootLoader | undefined> {
  for (const [folder, prefix] of [
    ['/boot/grub', 'grub'],
    ['/boot/grub2', 'grub2'],
  ] as const) {
    const path = `${folder}/grub.cfg`
    const text = await host.read(path)
    if (text === undefined) continue
    const linux = ordinaryEntries(parseGrubCfg(text))
    const entries = await entriesIn(host, '/boot/loader/entries')
    if (linux.length === 0 && /^\s*blscfg\b/m.test(text) && entries.length > 0)
      return {
        kind: 'grub-bls',
        state: {
          entries,
          env: await grubenv(host, `${folder}/grubenv`),
          editenv: (await program(host, `${prefix}-editenv`)).path,
          savedDefault: /^\s*set default="\$\{?saved_entry\}?"/m.test(text),
          kernelCmdline: await file(host, '/etc/kernel/cmdline'),
        },
      }
    return {kind: 'grub', state: await grubState(host, {path, text}, prefix)}
  }
  return undefined
}

async function grubState(host: HostView, cfg: GrubState['cfg'], prefix: string): Promise<GrubState> {
  const mkconfig = await program(host, `${prefix}-mkconfig`)
  const scriptCheck = await program(host, `${prefix}-script-check`)
  // Debian's grub-mkconfig reads the folder. One that does not would silently ignore a drop-in.
  const home = mkconfig.text.includes('default/grub.d') ? GRUB_DROP_IN : '/etc/default/grub'
  const dropIns = (await host.list('/etc/default/grub.d')).map((name) => `/etc/default/grub.d/${name}`)
  const files = await Promise.all(['/etc/default/grub', ...dropIns].map((path) => file(host, path)))
  return {
    cfg,
    mkconfig: mkconfig.path,
    scriptCheck: scriptCheck.path,
    home: await file(host, home),
    folder: await host.isFolder('/etc/default/grub.d'),
    others: files.flatMap(({path, text}) => (text === null || path === GRUB_DROP_IN ? [] : [{path, text}])),
  }
}

async function grubenv(host: HostView, path: string): Promise<BlsState['env']> {
  const text = await host.read(path)
  const variables = text === undefined ? new Map<string, string>() : parseGrubenv(text)
  if (variables === undefined) throw new Error(`${path} is not a GRUB environment block`)
  return {path, variables}
}

/**
 * The state of systemd-boot when it has entries. The entry that was booted says in which folder
 * they are.
 */
async function systemdBoot(host: HostView, get: Get): Promise<BootLoader | undefined> {
  const [found] = (
    await Promise.all(
      BOOT_FOLDERS.map(async (folder) => ({
        folder,
        entries: await entriesIn(host, `${folder}/loader/entries`),
      })),
    )
  ).filter(({entries}) => entries.length > 0)
  const loaderConf = await firstOf(
    host,
    BOOT_FOLDERS.map((folder) => `${folder}/loader/loader.conf`),
  )
  if (found === undefined) return (await firstUki(host)) ? UKI : undefined
  const selected = await efiVariable(host, 'LoaderEntrySelected')
  const efiDefault = await efiVariable(host, 'LoaderEntryDefault')
  return {
    kind: 'systemd-boot',
    state: {
      entries: found.entries,
      loaderConf: loaderConf ?? {path: `${found.folder}/loader/loader.conf`, text: null},
      kernelCmdline: await file(host, '/etc/kernel/cmdline'),
      ...(selected === undefined ? {} : {selected}),
      ...(efiDefault === undefined ? {} : {efiDefault}),
      release: (await get(kernel)).release,
    },
  }
}

const UKI: BootLoader = {
  kind: 'other',
  name: 'a unified kernel image',
  add: (words) =>
    `its arguments are inside the signed image: put them into /etc/kernel/cmdline and rebuild it (kernel-install add), or make an addon (ukify): ${words}`,
}

async function firstUki(host: HostView): Promise<string | undefined> {
  for (const folder of BOOT_FOLDERS) {
    const name = (await host.list(`${folder}/EFI/Linux`)).find((file) => file.endsWith('.efi'))
    if (name !== undefined) return name
  }
  return undefined
}

async function entriesIn(host: HostView, folder: string): Promise<readonly EntryFile[]> {
  const names = (await host.list(folder)).filter((name) => name.endsWith('.conf'))
  const files = await Promise.all(names.map((name) => file(host, `${folder}/${name}`)))
  return files.flatMap(({path, text}) => (text === null ? [] : [{path, text}]))
}

/** A program of GRUB's with its text, which is readable where the program is a script. */
async function program(
  host: HostView,
  name: string,
): Promise<{readonly path: string; readonly text: string}> {
  for (const folder of ['/usr/sbin', '/usr/bin', '/sbin', '/bin']) {
    const text = await host.read(`${folder}/${name}`)
    if (text !== undefined) return {path: `${folder}/${name}`, text}
  }
  throw new Error(`${name} is not installed`)
}

async function firstOf(host: HostView, paths: readonly string[]): Promise<MaybeFile | undefined> {
  for (const path of paths) {
    const {text} = await file(host, path)
    if (text !== null) return {path, text}
  }
  return undefined
}

const file = async (host: HostView, path: string): Promise<MaybeFile> => ({
  path,
  text: (await host.read(path)) ?? null,
})
