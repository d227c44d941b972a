// SPDX-License-Identifier: MIT
import {type Cmdline, valuesOf} from './cmdline.ts'
import type {Firmware, Starter} from './firmware.ts'
import {PROXMOX_ESPS} from './proxmox.ts'

/**
 * What generates the boot entries or holds the boot arguments, where isolctl does not write: a
 * change by isolctl would be overwritten, or would have no effect.
 */
export interface Owner {
  /** "NixOS" */
  readonly name: string
  /** A sentence without full stop: "NixOS generates the boot entries". */
  readonly why: string
  /** The owner's own way to pass these words, for the operator. */
  add(words: string): string
}

/** What shows who owns the boot entries. */
export interface BootEvidence {
  readonly firmware: Firmware
  readonly starter: Starter | undefined
  /** Undefined if it could not be read. */
  readonly cmdline: Cmdline | undefined
  /** ID of os-release(5). */
  readonly system: string | undefined
  /** The files of OWNER_FILES that exist. */
  readonly files: ReadonlyMap<string, string>
  /** The machine has EFI firmware. */
  readonly efi: boolean
}

const EXTLINUX = [
  '/boot/extlinux/extlinux.conf',
  '/boot/syslinux/syslinux.cfg',
  '/extlinux/extlinux.conf',
  '/boot/extlinux.conf',
]
const LIMINE = [
  '/boot/limine.conf',
  '/boot/limine/limine.conf',
  '/boot/EFI/limine/limine.conf',
  '/boot/limine.cfg',
]
const REFIND = '/boot/refind_linux.conf'
const RASPBERRY = ['/boot/firmware', '/boot'] as const
const GRUB_CFGS = ['/boot/grub/grub.cfg', '/boot/grub2/grub.cfg']

/** The files that an owner is recognised by, or that decide its way. */
export const OWNER_FILES: readonly string[] = [
  PROXMOX_ESPS,
  '/etc/NIXOS',
  '/etc/kernel/install.conf',
  '/etc/kernelstub/configuration',
  '/etc/sysconfig/bootloader',
  '/etc/mkinitcpio.conf',
  '/etc/dracut.conf',
  '/etc/default/flash-kernel',
  '/etc/default/limine',
  '/etc/update-extlinux.conf',
  '/etc/zipl.conf',
  '/boot/armbianEnv.txt',
  '/proc/device-tree/model',
  REFIND,
  ...RASPBERRY.map((folder) => `${folder}/config.txt`),
  ...GRUB_CFGS,
  ...LIMINE,
  ...EXTLINUX,
]

interface Rule {
  readonly name: string
  /** What the owner does, after its name. */
  readonly does: string
  when(evidence: BootEvidence): boolean
  add(words: string, evidence: BootEvidence): string
}

const has = ({cmdline}: BootEvidence, name: string) =>
  cmdline !== undefined && valuesOf(cmdline, name).length > 0
const selects = ({firmware}: BootEvidence, pattern: RegExp) => pattern.test(firmware.selected ?? '')
const settingOf = (text: string | undefined, name: string) =>
  new RegExp(`^[ \\t]*${name}[ \\t]*=[ \\t]*["']?([^"'\\s#]*)`, 'm').exec(text ?? '')?.[1]
const each = (words: string, write: (word: string) => string) => words.split(' ').map(write).join(' ')

const GENERATES = 'generates the boot entries'
const FROM_CONFIGURATION = 'generates the boot entries from its configuration'

/** Owners that firmware, a boot argument or a file of theirs alone shows. The first one counts. */
const OWNERS: readonly Rule[] = [
  {
    name: 'ostree',
    does: 'generates the boot entries from its deployments',
    when: (evidence) => has(evidence, 'ostree') || selects(evidence, /^ostree-/i),
    // ostree-admin-kargs(1) is the way on a system without rpm-ostree.
    add: (words) =>
      `rpm-ostree kargs ${each(words, (word) => `--append-if-missing=${word}`)} (without rpm-ostree: ostree admin kargs edit-in-place, with the same options)`,
  },
  {
    name: 'snapd',
    does: GENERATES,
    when: (evidence) => has(evidence, 'snapd_recovery_mode') || has(evidence, 'snap_core'),
    add: (words) =>
      `snap set system system.kernel.cmdline-append="${words}" (the gadget snap must allow these arguments)`,
  },
  {
    name: 'VyOS',
    does: FROM_CONFIGURATION,
    when: (evidence) => evidence.system === 'vyos' || has(evidence, 'vyos_union'),
    add: (words) =>
      `set these below "system option kernel" and commit, as far as this release has them: ${words}`,
  },
  {
    name: 'TrueNAS',
    does: GENERATES,
    when: ({cmdline}) => /\broot=ZFS=boot-pool\/ROOT\//.test(cmdline?.text ?? ''),
    add: (words) =>
      `midclt call system.advanced.update '{"kernel_extra_options": "${words}"}' (together with those that are set)`,
  },
  {
    // Kairos, Harvester, Rancher Elemental: /etc/default/grub is in an image that is not changed.
    name: 'the Elemental toolkit',
    does: 'starts images that have a boot menu of their own',
    when: (evidence) =>
      has(evidence, 'cos_img/filename') ||
      /^root=LABEL=COS_|\sroot=LABEL=COS_/.test(evidence.cmdline?.text ?? ''),
    add: (words) => `add these to extra_cmdline in /oem/grubenv (grub2-editenv): ${words}`,
  },
  {
    name: 'the Windows host',
    does: 'starts the kernel of WSL',
    when: (evidence) => has(evidence, 'WSL_ROOT_INIT') || has(evidence, 'WSL_DEBUG'),
    add: (words) =>
      `add these to kernelCommandLine= in the section [wsl2] of %UserProfile%\\.wslconfig and run wsl --shutdown: ${words}`,
  },
  {
    name: 'Android',
    does: 'has the arguments in its boot image',
    when: ({cmdline}) => cmdline?.args.some(({name}) => name.startsWith('androidboot.')) === true,
    add: (words) => `build a boot image with these: ${words}`,
  },
  {
    name: 'ChromeOS',
    does: 'has the arguments in its signed kernel partition',
    when: (evidence) =>
      evidence.system === 'chromeos' || has(evidence, 'cros_efi') || has(evidence, 'cros_secure'),
    add: (words) => `add these with make_dev_ssd.sh --edit_config in developer mode: ${words}`,
  },
  {
    name: 'clr-boot-manager',
    does: GENERATES,
    when: (evidence) =>
      /^(clear-linux-os|solus)$/.test(evidence.system ?? '') ||
      selects(evidence, /^(org\.clearlinux|solus-)/i),
    add: (words) =>
      `put these into a file of /etc/kernel/cmdline.d and run clr-boot-manager update: ${words}`,
  },
  {
    name: 'the live medium',
    does: 'starts a system that forgets its changes',
    when: ({cmdline}) =>
      /(^|\s)(boot=(live|casper)|rd\.live\.image|root=live:\S*|archisobasedir=\S*)(\s|$)/.test(
        cmdline?.text ?? '',
      ),
    add: (words) => `add these in its boot menu, for one boot: ${words}`,
  },
  {
    name: 'NixOS',
    does: FROM_CONFIGURATION,
    when: (evidence) =>
      evidence.files.has('/etc/NIXOS') ||
      evidence.system === 'nixos' ||
      selects(evidence, /^nixos-/i) ||
      /\binit=\/nix\/store\//.test(evidence.cmdline?.text ?? ''),
    add: (words) =>
      `set boot.kernelParams = [ ${each(words, (word) => `"${word}"`)} ]; and run nixos-rebuild boot`,
  },
  {
    name: 'Guix',
    does: FROM_CONFIGURATION,
    when: (evidence) =>
      evidence.system === 'guix' || has(evidence, 'gnu.load') || has(evidence, 'gnu.system'),
    add: (words) =>
      `add these to kernel-arguments of the operating-system and run guix system reconfigure: ${each(words, (word) => `"${word}"`)}`,
  },
  {
    name: 'Flatcar',
    does: 'replaces its boot menu with each update',
    when: ({system, cmdline}) => system === 'flatcar' || /^BOOT_IMAGE=\/flatcar\//.test(cmdline?.text ?? ''),
    add: (words) => `add this line to /oem/grub.cfg: set linux_append="$linux_append ${words}"`,
  },
  {
    name: 'Talos',
    does: GENERATES,
    when: (evidence) => evidence.system === 'talos' || has(evidence, 'talos.platform'),
    add: (words) =>
      `add these to machine.install.extraKernelArgs (to the image, if it is a unified kernel image) and upgrade: ${words}`,
  },
  {
    name: 'Bottlerocket',
    does: GENERATES,
    when: ({system}) => system === 'bottlerocket',
    add: (words) => `add these to settings.boot.kernel-parameters: ${words}`,
  },
  {
    // With GRUB, its grub.cfg is on ESPs that are not mounted. With systemd-boot: proxmox.ts.
    name: 'proxmox-boot-tool',
    does: `writes the boot menu to the ESPs of ${PROXMOX_ESPS}`,
    when: ({files, starter}) => managesEsps(files) && !passesEntries(starter),
    add(words, {starter}) {
      const grub = 'GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub'
      const place =
        starter?.kind === 'grub'
          ? grub
          : `${grub}, or to /etc/kernel/cmdline if proxmox-boot-tool status names systemd-boot,`
      return `append these to ${place} and run proxmox-boot-tool refresh: ${words}`
    },
  },
  {
    name: 'sdbootutil',
    does: 'generates the boot entries, one for each kernel and snapshot',
    when: ({files, starter}) =>
      starter?.kind !== 'uki' &&
      /^(systemd-boot|grub2-bls)$/.test(
        settingOf(files.get('/etc/sysconfig/bootloader'), 'LOADER_TYPE') ?? '',
      ),
    add: (words) => `append these to /etc/kernel/cmdline and run sdbootutil update-all-entries: ${words}`,
  },
  {
    name: 'transactional-update',
    does: 'writes the boot menu into a new snapshot',
    when: ({system}) =>
      /^(opensuse-(microos|leap-micro|aeon|kalpa)|(sl|sle|suse)-micro(os)?)$/.test(system ?? ''),
    add: (words) =>
      `append these to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub and run transactional-update grub.cfg: ${words}`,
  },
  {
    name: 'kernelstub',
    does: GENERATES,
    when: (evidence) =>
      evidence.starter?.kind !== 'grub' &&
      (evidence.files.has('/etc/kernelstub/configuration') || selects(evidence, /^pop_os-/i)),
    add: (words) => `kernelstub --add-options "${words}"`,
  },
  {
    name: 'the builder of the unified kernel image',
    does: 'puts the arguments into the image',
    when: ({starter}) => starter?.kind === 'uki',
    add: (words, {files}) => `${rebuilt(files)}, or make an addon (ukify): ${words}`,
  },
  {
    name: 'the boot entry of the firmware',
    does: 'starts the kernel itself and holds its arguments',
    when: ({starter}) => starter?.kind === 'efi-stub',
    add: (words, {firmware}) =>
      `see ${firmware.entry?.name ?? 'it'} with efibootmgr --unicode, and make one whose arguments also have these: ${words}`,
  },
  {
    name: 'rEFInd',
    does: 'started this machine',
    when: ({starter}) => starter?.kind === 'other' && starter.name.startsWith('rEFInd'),
    add: (words) => refind(words),
  },
  {
    name: 'Limine',
    does: 'started this machine',
    when: ({starter}) => starter?.kind === 'other' && starter.name.startsWith('Limine'),
    add: (words, {files}) => limine(words, files),
  },
  {
    name: 'ZFSBootMenu',
    does: 'started this machine',
    when: ({starter}) => starter?.kind === 'other' && starter.name.startsWith('ZFSBootMenu'),
    add: (words) =>
      `append these to the property org.zfsbootmenu:commandline of the root dataset (zfs set): ${words}`,
  },
  {
    name: 'the boot server',
    does: 'passes the arguments of this network boot',
    when: (evidence) =>
      evidence.starter?.kind !== 'systemd-boot' &&
      (has(evidence, 'BOOTIF') ||
        /(^|\s)(root=(\/dev\/nfs|nfs4?:\S*)|nfsroot=\S*|BOOT_IMAGE=\((tftp|http|pxe)\S*)(\s|$)/.test(
          evidence.cmdline?.text ?? '',
        )),
    add: (words) => `add these there: ${words}`,
  },
  {
    name: 'zipl',
    does: 'writes the boot entries to the disk',
    when: ({files}) => files.has('/etc/zipl.conf') && !GRUB_CFGS.some((path) => files.has(path)),
    add: (words) =>
      `add these with grubby --update-kernel=ALL --args="${words}" (without grubby: to parameters= in /etc/zipl.conf) and run zipl`,
  },
  {
    name: 'the firmware of the Raspberry Pi',
    does: 'reads the arguments from a file',
    when: ({files, efi, starter}) =>
      !efi &&
      starter === undefined &&
      (/^Raspberry Pi/.test(files.get('/proc/device-tree/model') ?? '') ||
        RASPBERRY.some((folder) => files.has(`${folder}/config.txt`))),
    add: (words, {files}) => `append these to the one line of ${raspberryFile(files)}: ${words}`,
  },
]

/** Boot loaders that are recognised by their configuration alone, where no other one was found. */
const BY_FILES: readonly Rule[] = [
  {
    name: `rEFInd (${REFIND})`,
    does: 'has to be configured by hand',
    when: ({files}) => files.has(REFIND),
    add: (words) => refind(words),
  },
  {
    name: 'Limine',
    does: 'has to be configured by hand',
    when: ({files}) => LIMINE.some((path) => files.has(path)),
    add: (words, {files}) => limine(words, files),
  },
  {
    name: 'Armbian',
    does: 'passes the arguments of /boot/armbianEnv.txt',
    when: ({files}) => files.has('/boot/armbianEnv.txt'),
    add: (words) => `append these to extraargs= there: ${words}`,
  },
  ...EXTLINUX.map((path) => ({
    name: `extlinux (${path})`,
    does: 'has to be configured by hand',
    when: ({files}: BootEvidence) => files.has(path),
    add: (words: string, {files}: BootEvidence) =>
      path.includes('/syslinux/')
        ? `append these to each APPEND line in ${path}: ${words}`
        : files.has('/etc/update-extlinux.conf')
          ? `append these to default_kernel_opts in /etc/update-extlinux.conf and run update-extlinux: ${words}`
          : `append them to U_BOOT_PARAMETERS in /etc/default/u-boot and run u-boot-update, or to the APPEND line in ${path}: ${words}`,
  })),
  {
    name: 'flash-kernel',
    does: 'writes the boot script',
    when: ({files}) => files.has('/etc/default/flash-kernel'),
    add: (words) =>
      `append these to LINUX_KERNEL_CMDLINE in /etc/default/flash-kernel and run flash-kernel: ${words}`,
  },
]

/** Whether proxmox-boot-tool writes the boot entries: it knows at least one ESP. Pure. */
export const managesEsps = (files: BootEvidence['files']): boolean =>
  (files.get(PROXMOX_ESPS) ?? '').trim() !== ''

/** Whether the loader reads entries of the Boot Loader Specification from the ESP. Pure. */
export const passesEntries = (starter: Starter | undefined): boolean =>
  starter?.kind === 'systemd-boot' || starter?.kind === 'efi'

/** How the image is rebuilt, by the program that is configured here. */
function rebuilt(files: BootEvidence['files']): string {
  const viaKernelInstall = settingOf(files.get('/etc/kernel/install.conf'), 'layout') === 'uki'
  if (!viaKernelInstall && files.has('/etc/mkinitcpio.conf'))
    return 'put them into /etc/kernel/cmdline and rebuild it (mkinitcpio -P)'
  if (!viaKernelInstall && files.has('/etc/dracut.conf'))
    return 'put them into kernel_cmdline= in /etc/dracut.conf.d, or into /etc/kernel/cmdline and rebuild it (dracut --regenerate-all --force)'
  return 'put them into /etc/kernel/cmdline and rebuild it (kernel-install add-all)'
}

const refind = (words: string) =>
  `append these to each line of ${REFIND}, or to the options of the stanza in refind.conf: ${words}`

const limine = (words: string, files: BootEvidence['files']) =>
  files.has('/etc/default/limine')
    ? `append these to KERNEL_CMDLINE[default] in /etc/default/limine and run limine-update: ${words}`
    : `append these to the cmdline of each entry in ${LIMINE.find((path) => files.has(path)) ?? 'limine.conf'}: ${words}`

/** config.txt names the file of the arguments, and a prefix for it (os_prefix). */
function raspberryFile(files: BootEvidence['files']): string {
  const folder = RASPBERRY.find((each) => files.has(`${each}/config.txt`)) ?? RASPBERRY[0]
  const config = files.get(`${folder}/config.txt`)
  return `${folder}/${settingOf(config, 'os_prefix') ?? ''}${settingOf(config, 'cmdline') ?? 'cmdline.txt'}`
}

/** The owner of the boot entries; undefined if isolctl may write them. Pure. */
export function ownerOf(evidence: BootEvidence): Owner | undefined {
  const owner = firstOf(OWNERS, evidence)
  const {starter} = evidence
  if (owner !== undefined || starter?.kind !== 'other') return owner
  return {
    name: starter.name,
    why: `${starter.name} started this machine, and isolctl does not know its configuration`,
    add: (words) => `add these to it by hand: ${words}`,
  }
}

/** The owner by its files, where neither GRUB nor systemd-boot was found. Pure. */
export const ownerByFiles = (evidence: BootEvidence): Owner | undefined => firstOf(BY_FILES, evidence)

function firstOf(rules: readonly Rule[], evidence: BootEvidence): Owner | undefined {
  const rule = rules.find(({when}) => when(evidence))
  return (
    rule && {
      name: rule.name,
      why: `${rule.name} ${rule.does}`,
      add: (words) => rule.add(words, evidence),
    }
  )
}
