// SPDX-License-Identifier: MIT

import {basename, dirname} from 'node:path'
import type {BlsState} from '../boot/bls.ts'
import {loaderVariable} from '../boot/firmware.ts'
import {GRUB_DROP_IN, type GrubState, isStub, ordinaryEntries, parseGrubCfg} from '../boot/grub.ts'
import {parseGrubenv} from '../boot/grubenv.ts'
import type {MaybeFile} from '../boot/loader.ts'
import type {BootLoader} from '../boot/loaders.ts'
import {type EntryFile, OWN_ENTRY} from '../boot/own-entry.ts'
import {type BootEvidence, managesEsps, ownerByFiles, ownerOf} from '../boot/owners.ts'
import {BOOT_FOLDERS, isEntry} from '../boot/systemd-boot.ts'
import {type HostView, tellsAbsence} from '../host/host.ts'
import {bootEvidence, efi} from './boot-owner.ts'
import {defineFact, type Get, mustRead} from './fact.ts'
import {firmware} from './firmware.ts'
import {kernel} from './kernel.ts'

/**
 * The boot loader that started this machine. Firmware and the boot arguments show which one it is
 * (boot/firmware.ts); another one that is also installed is never taken instead. Where nothing
 * shows it (BIOS, a capture without EFI variables), the files decide. Rejects if the files of that
 * loader are not there, or cannot be read.
 */
export const bootLoader = defineFact<BootLoader>('boot-loader', async (host, get) => {
  const evidence = await get(bootEvidence)
  const {starter, files} = evidence
  const owner = ownerOf(evidence)
  if (owner !== undefined) return {kind: 'other', ...owner}
  if (managesEsps(files)) return await proxmox(host)
  if (starter === undefined || starter.kind === 'grub') {
    const grub = await grubLoader(host, get)
    if (grub !== undefined) return grub
    if (starter === undefined && !tellsAbsence(host)) await requireNoGrub(host)
    if (starter !== undefined)
      throw new Error(
        `${starter.name} started this machine, and its grub.cfg is not there: mount /boot and the ESP`,
      )
  }
  if (starter !== undefined || (await systemdPossible(host, evidence))) {
    const found = (await systemdBoot(host, get)) ?? (await unifiedImage(host, evidence))
    if (found !== undefined) return found
  }
  if (starter?.kind !== 'systemd-boot') {
    const other = ownerByFiles(evidence)
    if (other !== undefined) return {kind: 'other', ...other}
  }
  if (starter !== undefined)
    throw new Error(
      `${starter.name} started this machine, and its boot entries are not there: mount the ESP, at /efi or /boot for instance`,
    )
  if (evidence.cmdline === undefined)
    throw new Error('no files of a boot loader were found, and /proc/cmdline cannot be read')
  return {kind: 'none'}
})

/** The same fact; rejects if no boot loader was found in a captured tree, which may lack its files. */
export const knownBootLoader = defineFact<BootLoader>('boot-loader!', async (host, get) => {
  const loader = await get(bootLoader)
  if (loader.kind === 'none' && !tellsAbsence(host))
    throw new Error('no files of a boot loader were captured')
  return loader
})

/** Throws Error where a partial capture has the programs of GRUB: it may lack the menu. */
async function requireNoGrub(host: HostView): Promise<void> {
  for (const name of ['mkconfig', 'script-check', 'editenv'].flatMap((each) => [
    `grub-${each}`,
    `grub2-${each}`,
  ]))
    for (const folder of PROGRAM_FOLDERS)
      if ((await host.read(`${folder}/${name}`)) !== undefined)
        throw new Error(`${folder}/${name} is there, and no grub.cfg was captured`)
}

/**
 * The same fact, for a check of all texts that hold boot arguments. Rejects if a captured tree lacks
 * one of them, or holds one that is damaged.
 */
export const wholeBootLoader = defineFact<BootLoader>('boot-files', async (host, get) => {
  const loader = await get(knownBootLoader)
  if (host.live || loader.kind !== 'grub') return loader
  const defaults = loader.state.others.find(({path}) => path === GRUB_DEFAULTS)
  if (defaults === undefined && !tellsAbsence(host)) throw new Error(`${GRUB_DEFAULTS} was not captured`)
  const odd = loader.state.others.find(({text}) => !/^\s*(#|\w+=)/m.test(text))
  if (odd !== undefined) throw new Error(`${odd.path}: not settings of GRUB`)
  return loader
})

const GRUB_DEFAULTS = '/etc/default/grub'

/** systemd-boot needs EFI firmware, and always sets LoaderInfo. */
async function systemdPossible(host: HostView, evidence: BootEvidence): Promise<boolean> {
  if (!tellsAbsence(host)) return true
  return evidence.efi && (await host.list(dirname(loaderVariable('LoaderInfo')))).length === 0
}

async function proxmox(host: HostView): Promise<BootLoader> {
  const tool = '/usr/sbin/proxmox-boot-tool'
  if (tellsAbsence(host) && (await host.read(tool)) === undefined) throw new Error(`${tool} does not exist`)
  return {
    kind: 'proxmox',
    state: {
      kernelCmdline: await file(host, '/etc/kernel/cmdline'),
      tool,
      booted: await mustRead(host, '/proc/cmdline'),
    },
  }
}

async function grubLoader(host: HostView, get: Get): Promise<BootLoader | undefined> {
  const cfg = await grubCfg(host, get)
  if (cfg === undefined) return undefined
  const {path, text} = cfg
  const folder = dirname(path)
  const prefixes =
    basename(folder) === 'grub' ? ['grub'] : basename(folder) === 'grub2' ? ['grub2'] : ['grub2', 'grub']
  const linux = ordinaryEntries(parseGrubCfg(text))
  const bls = /^\s*blscfg\b/m.test(text)
  // A menu that was written by hand has such lines as well.
  if (!bls && !host.live && !/\blinux(?:16|efi)?\s/.test(text))
    throw new Error(`${path} has no menu entry that starts Linux`)
  if (linux.length > 0 || !bls) return {kind: 'grub', state: await grubState(host, cfg, prefixes)}
  const entries = await entriesIn(host, ENTRIES_OF_GRUB)
  if (entries.length === 0)
    throw new Error(`${path} takes its entries from ${ENTRIES_OF_GRUB}, which has none`)
  const env = await grubenv(host, `${folder}/grubenv`)
  // The value that blscfg uses where grubenv has none (grub.d/10_linux of RHEL 8).
  const [, kernelopts] = /^\s*set kernelopts="([^"]*)"/m.exec(text) ?? []
  return {
    kind: 'grub-bls',
    state: {
      entries,
      env:
        kernelopts === undefined || env.variables.has('kernelopts')
          ? env
          : {...env, variables: new Map([...env.variables, ['kernelopts', kernelopts]])},
      editenv: (await program(host, prefixes, 'editenv')).path,
      savedDefault: /^\s*set default="\$\{?saved_entry\}?"/m.test(text),
      kernelCmdline: await file(host, '/etc/kernel/cmdline'),
    },
  }
}

const ENTRIES_OF_GRUB = '/boot/loader/entries'

/** A grub.cfg. */
type Cfg = GrubState['cfg']

/**
 * The grub.cfg with the menu. With EFI firmware GRUB reads the one in the vendor's folder of the
 * ESP, which has the menu on RHEL 8 and CentOS 7, and elsewhere only names the one below /boot.
 */
async function grubCfg(host: HostView, get: Get): Promise<Cfg | undefined> {
  const boot = await firstOf(host, ['/boot/grub/grub.cfg', '/boot/grub2/grub.cfg'])
  const hasEfi = await get(efi)
  const vendors = hasEfi === false ? [] : await vendorCfgs(host)
  const started = vendorIn((await get(firmware)).entry?.program)
  const found =
    started === undefined
      ? await likelyVendor(host, vendors)
      : vendors.find(({path}) => vendorIn(path) === started)
  if (found === undefined || isStub(found.text)) return boot
  if (started !== undefined || hasEfi === true || boot === undefined) return found
  throw new Error(
    `it is not known whether GRUB reads ${found.path} or ${boot.path}: /sys/firmware was not captured`,
  )
}

/**
 * "debian" for /EFI/debian/shimx64.efi. Undefined for /EFI/BOOT, from which firmware starts any
 * system that has no boot entry.
 */
function vendorIn(program: string | undefined): string | undefined {
  const vendor = /\/EFI\/([^/]+)\/[^/]+$/i.exec(program ?? '')?.[1]?.toLowerCase()
  return vendor === 'boot' ? undefined : vendor
}

/** Where no boot entry names the vendor. Throws Error if more than one is possible. */
async function likelyVendor(host: HostView, vendors: readonly Cfg[]): Promise<Cfg | undefined> {
  const menu = vendors.find(({text}) => !isStub(text))
  if (menu === undefined || vendors.length === 1) return menu
  // A link to the file that grub2-mkconfig is to write (RHEL and its relatives).
  const linked = await host.read('/etc/grub2-efi.cfg')
  const found = vendors.find(({text}) => text === linked)
  if (found === undefined)
    throw new Error(`it is not known which of these GRUB reads: ${vendors.map(({path}) => path).join(', ')}`)
  return found
}

/** The files of the vendors' folders on the mounted ESPs. One that is mounted twice counts once. */
async function vendorCfgs(host: HostView): Promise<readonly Cfg[]> {
  const found: Cfg[] = []
  for (const folder of await espFolders(host))
    for (const vendor of await host.list(`${folder}/EFI`)) {
      const cfg = await file(host, `${folder}/EFI/${vendor}/grub.cfg`)
      const {path, text} = cfg
      if (text === null) continue
      if (found.some((each) => each.text === text && vendorIn(each.path) === vendorIn(path))) continue
      found.push({path, text})
    }
  return found
}

async function grubState(host: HostView, cfg: Cfg, prefixes: readonly string[]): Promise<GrubState> {
  const mkconfig = await program(host, prefixes, 'mkconfig')
  const scriptCheck = await program(host, prefixes, 'script-check')
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

/** The state of systemd-boot; undefined where no folder has entries. */
async function systemdBoot(host: HostView, get: Get): Promise<BootLoader | undefined> {
  const {selected, defaultEntry} = await get(firmware)
  const found = await entryFolder(host, get)
  if (found === undefined) return undefined
  const folders = [found.folder, ...(await espFolders(host))]
  const loaderConf = await firstOf(
    host,
    folders.map((folder) => `${folder}/loader/loader.conf`),
  )
  return {
    kind: 'systemd-boot',
    state: {
      entries: found.entries,
      loaderConf: loaderConf ?? {path: `${found.folder}/loader/loader.conf`, text: null},
      kernelCmdline: await file(host, '/etc/kernel/cmdline'),
      ...(selected === undefined ? {} : {selected}),
      ...(defaultEntry === undefined ? {} : {efiDefault: defaultEntry}),
      release: (await get(kernel)).release,
    },
  }
}

interface EntryFolder {
  readonly folder: string
  readonly entries: readonly EntryFile[]
}

/**
 * The folder with the entry that was booted, or the first one with entries where no firmware
 * variable names it. Throws Error if no folder has that entry, or if several partitions have it.
 */
async function entryFolder(host: HostView, get: Get): Promise<EntryFolder | undefined> {
  const all: EntryFolder[] = []
  for (const folder of await espFolders(host)) {
    const entries = await entriesIn(host, `${folder}/loader/entries`)
    if (entries.length > 0) all.push({folder, entries})
  }
  const {selected, partition} = await get(firmware)
  if (selected === undefined || OWN_ENTRY.test(selected)) return all[0]
  const having = all.filter(({entries}) => entries.some((entry) => isEntry(entry, selected)))
  const [first] = having
  if (first === undefined && all.length > 0)
    throw new Error(
      `the boot entry that started this machine, ${selected}, is not in ${all.map(({folder}) => `${folder}/loader/entries`).join(', ')}: mount the ESP that has it, or reboot if it was removed`,
    )
  const devices = await mounts(host)
  const deviceOf = ({folder}: EntryFolder) => devices.get(folder) ?? folder
  if (first === undefined || new Set(having.map(deviceOf)).size < 2) return first
  const link = partition === undefined ? undefined : await host.link?.(`/dev/disk/by-partuuid/${partition}`)
  const started = having.find((each) => link !== undefined && basename(deviceOf(each)) === basename(link))
  if (started === undefined)
    throw new Error(
      `${having.map(({folder}) => folder).join(' and ')} both have the boot entry ${selected}, and it is not known which one started this machine`,
    )
  return started
}

/** A unified kernel image on an ESP. Its arguments are inside. */
async function unifiedImage(host: HostView, evidence: BootEvidence): Promise<BootLoader | undefined> {
  for (const folder of await espFolders(host)) {
    const image = (await host.list(`${folder}/EFI/Linux`)).find((name) => name.endsWith('.efi'))
    const owner = image && ownerOf({...evidence, starter: {kind: 'uki', name: image}})
    if (owner) return {kind: 'other', ...owner}
  }
  return undefined
}

/** Where ESPs are usually mounted, and the mount points of all other file systems that can be one. */
async function espFolders(host: HostView): Promise<readonly string[]> {
  return [...new Set([...BOOT_FOLDERS, ...(await mounts(host)).keys()])]
}

/** Mount points of FAT file systems, to their devices (proc(5), /proc/mounts; "\\040" is a blank). */
async function mounts(host: HostView): Promise<ReadonlyMap<string, string>> {
  const lines = ((await host.read('/proc/mounts')) ?? '').split('\n').map((line) => line.split(' '))
  return new Map(
    lines.flatMap(([device = '', point = '', type = '']) =>
      /^(vfat|msdos)$/.test(type)
        ? [
            [
              point.replaceAll(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8))),
              device,
            ],
          ]
        : [],
    ),
  )
}

async function entriesIn(host: HostView, folder: string): Promise<readonly EntryFile[]> {
  const names = (await host.list(folder)).filter((name) => name.endsWith('.conf'))
  const files = await Promise.all(names.map((name) => file(host, `${folder}/${name}`)))
  return files.flatMap(({path, text}) => {
    if (text === null) return []
    // Boot loaders skip such a file. In a capture it is more likely that its text is lost.
    if (!host.live && !ENTRY_KEY.test(text)) throw new Error(`${path}: not a boot entry`)
    return [{path, text}]
  })
}

/** A line that each entry has (Boot Loader Specification, type 1). */
const ENTRY_KEY = /^\s*(?:linux|efi|uki|uki-url|options)\s/m

const PROGRAM_FOLDERS = ['/usr/sbin', '/usr/bin', '/sbin', '/bin']

/** A program of GRUB's with its text, which is readable where the program is a script. */
async function program(
  host: HostView,
  prefixes: readonly string[],
  name: string,
): Promise<{readonly path: string; readonly text: string}> {
  for (const prefix of prefixes)
    for (const folder of PROGRAM_FOLDERS) {
      const path = `${folder}/${prefix}-${name}`
      const text = await host.read(path)
      if (text !== undefined) return {path, text}
    }
  throw new Error(`${prefixes[0]}-${name} is not installed`)
}

async function firstOf(
  host: HostView,
  paths: readonly string[],
): Promise<{readonly path: string; readonly text: string} | undefined> {
  for (const path of paths) {
    const text = await host.read(path)
    if (text !== undefined) return {path, text}
  }
  return undefined
}

const file = async (host: HostView, path: string): Promise<MaybeFile> => ({
  path,
  text: (await host.read(path)) ?? null,
})
