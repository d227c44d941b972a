// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {bootEntryName, programOf} from '../../src/boot/firmware.ts'
import {configuredLine} from '../../src/boot/loaders.ts'
import {bootLoader, knownBootLoader} from '../../src/facts/boot-loader.ts'
import {gatherer} from '../../src/facts/fact.ts'
import {firmware} from '../../src/facts/firmware.ts'
import type {HostView} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {bootEntry, loaderVariables} from '../support/efi.ts'

type Files = Readonly<Record<string, string>>

const WORDS = 'nohz_full=2-3 irqaffinity=0-1'
const BASE: Files = {'/proc/sys/kernel/osrelease': '6.12.1\n', '/proc/cmdline': 'root=/dev/sda2 ro\n'}

const menu = (path: string, args = 'quiet'): Files => ({
  [path]: `### BEGIN /etc/grub.d/10_linux ###\nmenuentry 'x' --id x {\n linux /vmlinuz root=/dev/sda2 ${args}\n}\n### END /etc/grub.d/10_linux ###\n`,
})
const PROGRAMS: Files = {'/usr/sbin/grub-mkconfig': '/etc/default/grub.d', '/usr/bin/grub-script-check': ''}
const PROGRAMS2: Files = {
  '/usr/sbin/grub2-mkconfig': '',
  '/usr/bin/grub2-script-check': '',
  '/usr/bin/grub2-editenv': '',
}
const GRUB: Files = {...menu('/boot/grub/grub.cfg'), ...PROGRAMS}
const STUB = 'search.fs_uuid 1234 root\nset prefix=($root)/boot/grub\nconfigfile $prefix/grub.cfg\n'
const BLS_CFG = 'set default="$saved_entry"\ninsmod blscfg\nblscfg\n'
const entry = (path: string, options = 'ro', version = '6.12.1'): Files => ({
  [path]: `title x\nversion ${version}\nlinux /${version}/linux\noptions ${options}\n`,
})
const grubenv = (lines: string) => `# GRUB Environment Block\n${lines}`.padEnd(1024, '#')
const EFI_FOLDER: Files = {'/sys/firmware/efi/fw_platform_size': '64\n'}

const loaderOf = (files: Files, more: Partial<HostView> = {}) =>
  gatherer({...memoryHost({...BASE, ...files}), ...more})(bootLoader)

/** The boot loader in one line: what isolctl would change, or the advice. */
async function told(files: Files, more: Partial<HostView> = {}): Promise<string> {
  try {
    const loader = await loaderOf(files, more)
    switch (loader.kind) {
      case 'grub':
        return `grub ${loader.state.cfg.path}`
      case 'grub-bls':
        return `grub-bls ${loader.state.env.path}: ${configuredLine(loader)}`
      case 'systemd-boot':
        return `systemd-boot ${loader.state.loaderConf.path}: ${configuredLine(loader)}`
      case 'proxmox':
        return `proxmox ${loader.state.kernelCmdline.path}: ${configuredLine(loader)}`
      case 'other':
        return `${loader.why}: ${loader.add(WORDS)}`
      default:
        return 'none'
    }
  } catch (error) {
    return `unknown: ${(error as Error).message}`
  }
}
const complete = {complete: true as const}

test('no file of a boot loader, and no boot arguments: unknown, also in a complete capture', async () => {
  expect(await told({'/proc/cmdline': ''}, complete)).toMatch(
    /^unknown: no files of a boot loader were found/,
  )
  expect(await told({}, complete)).toBe('none')
})

test('a boot entry names its program, with bytes that are no text around it', async () => {
  const files = bootEntry(0x2001, 'Red Hat \\ Linux', '\\EFI\\redhat\\shimx64.efi', 'initrd=\\x')
  expect(await gatherer(memoryHost(files))(firmware)).toEqual({
    entry: {name: 'Boot2001', program: '/EFI/redhat/shimx64.efi'},
  })
  expect(await gatherer(memoryHost(bootEntry(0, 'Network', '')))(firmware)).toEqual({})
  expect(bootEntryName('\x06\0\0\0')).toBe('Boot0000')
  expect(bootEntryName('\x06\0\0\0\x0a')).toBe('Boot000A')
  expect(bootEntryName('\x06\0\0\0\ufffd')).toBeUndefined()
  expect(programOf('')).toBeUndefined()
})

describe('the loader that firmware names, and no other one', () => {
  const SYSTEMD = loaderVariables({
    LoaderInfo: 'systemd-boot 252.31-1~deb12u1',
    LoaderEntrySelected: 'debian-6.12.1.conf',
  })
  const GRUB212 = loaderVariables({LoaderInfo: 'GRUB 2.12'})
  const SHIM = bootEntry(3, 'debian', '\\EFI\\debian\\shimx64.efi')

  test.for<readonly [string, Files, string]>([
    [
      'systemd-boot, with GRUB beside it',
      {...SYSTEMD, ...GRUB, ...entry('/efi/loader/entries/debian-6.12.1.conf')},
      'systemd-boot /efi/loader/loader.conf: ro',
    ],
    [
      'systemd-boot, the ESP not mounted, GRUB beside it',
      {...SYSTEMD, ...GRUB},
      'unknown: systemd-boot 252.31-1~deb12u1 started this machine, and its boot entries are not there: mount the ESP, at /efi or /boot for instance',
    ],
    [
      'systemd-boot, and another ESP is mounted',
      {...SYSTEMD, ...entry('/boot/efi/loader/entries/other.conf')},
      'unknown: the boot entry that started this machine, debian-6.12.1.conf, is not in /boot/efi/loader/entries: mount the ESP that has it, or reboot if it was removed',
    ],
    [
      'systemd-boot, two ESPs, one with the entry',
      {
        ...SYSTEMD,
        ...entry('/boot/loader/entries/old.conf', 'old'),
        ...entry('/boot/efi/loader/entries/debian-6.12.1.conf', 'booted'),
      },
      'systemd-boot /boot/efi/loader/loader.conf: booted',
    ],
    [
      'systemd-boot, an ESP at an unusual place',
      {
        ...SYSTEMD,
        '/proc/mounts': '/dev/sda1 /mnt/my\\040esp vfat rw 0 0\n',
        ...entry('/mnt/my esp/loader/entries/debian-6.12.1.conf'),
      },
      'systemd-boot /mnt/my esp/loader/loader.conf: ro',
    ],
    [
      'systemd-boot, an entry in capitals, which it lists in small letters',
      {
        ...loaderVariables({LoaderInfo: 'systemd-boot 249', LoaderEntrySelected: 'arch-rt.conf'}),
        ...entry('/boot/loader/entries/Arch-RT.conf', 'ro rt', ''),
        ...entry('/boot/loader/entries/zz.conf'),
      },
      'systemd-boot /boot/loader/loader.conf: ro',
    ],
    [
      'an entry with boot counters',
      {
        ...loaderVariables({LoaderInfo: 'systemd-boot 252', LoaderEntrySelected: 'a+3-1.conf'}),
        ...entry('/boot/loader/entries/a+2-2.conf'),
      },
      'systemd-boot /boot/loader/loader.conf: ro',
    ],
    [
      'systemd-boot by its boot entry',
      {
        ...bootEntry(1, 'Linux Boot Manager', '\\EFI\\systemd\\systemd-bootx64.efi'),
        ...GRUB,
        ...entry('/efi/loader/entries/a.conf'),
      },
      'systemd-boot /efi/loader/loader.conf: ro',
    ],
    [
      'GRUB 2.12, with entries of systemd-boot',
      {...GRUB212, ...GRUB, ...entry('/efi/loader/entries/debian.conf')},
      'grub /boot/grub/grub.cfg',
    ],
    [
      'GRUB 2.12, /boot not mounted, with entries of systemd-boot',
      {...GRUB212, ...entry('/efi/loader/entries/debian.conf')},
      'unknown: GRUB 2.12 started this machine, and its grub.cfg is not there: mount /boot and the ESP',
    ],
    [
      'GRUB by shim, with entries of systemd-boot',
      {...SHIM, ...GRUB, ...entry('/efi/loader/entries/debian.conf')},
      'grub /boot/grub/grub.cfg',
    ],
    [
      'GRUB by shim, /boot not mounted',
      {...SHIM, ...entry('/efi/loader/entries/debian.conf')},
      'unknown: GRUB started this machine, and its grub.cfg is not there: mount /boot and the ESP',
    ],
    [
      'GRUB by the form of BOOT_IMAGE',
      {'/proc/cmdline': 'BOOT_IMAGE=(hd0,gpt2)/vmlinuz ro\n', ...entry('/efi/loader/entries/a.conf')},
      'unknown: GRUB started this machine, and its grub.cfg is not there: mount /boot and the ESP',
    ],
    [
      'no EFI variables, an initrd= that GRUB does not pass, GRUB beside it',
      {'/proc/cmdline': 'initrd=\\EFI\\x\\initrd root=/dev/sda2\n', ...GRUB},
      'unknown: the EFI boot loader that passed initrd=\\EFI\\x\\initrd started this machine, and its boot entries are not there: mount the ESP, at /efi or /boot for instance',
    ],
    [
      'the same, with entries',
      {
        '/proc/cmdline': 'initrd=\\EFI\\x\\initrd root=/dev/sda2\n',
        ...GRUB,
        ...entry('/efi/loader/entries/a.conf'),
      },
      'systemd-boot /efi/loader/loader.conf: ro',
    ],
    [
      'rEFInd that started GRUB',
      {
        ...loaderVariables({LoaderInfo: 'rEFInd 0.14.0'}),
        '/proc/cmdline': 'BOOT_IMAGE=/boot/vmlinuz-6 ro\n',
        ...GRUB,
      },
      'grub /boot/grub/grub.cfg',
    ],
    [
      'a boot manager that isolctl does not know, GRUB beside it',
      {...loaderVariables({LoaderInfo: 'Clover 5'}), ...GRUB},
      `Clover 5 started this machine, and isolctl does not know its configuration: add these to it by hand: ${WORDS}`,
    ],
    [
      'an unknown program of firmware: the files decide',
      {...bootEntry(1, 'x', '\\EFI\\BOOT\\BOOTX64.EFI'), ...GRUB},
      'grub /boot/grub/grub.cfg',
    ],
  ])('%s', async ([, files, expected]) => {
    expect(await told(files)).toBe(expected)
  })

  test('a complete machine without EFI has no systemd-boot, whatever is on a stale ESP', async () => {
    const stale = entry('/boot/efi/loader/entries/debian.conf')
    expect(await told({...GRUB, ...stale}, complete)).toBe('grub /boot/grub/grub.cfg')
    expect(await told(stale, complete)).toBe('none')
    const image = {'/efi/EFI/Linux/debian.efi': 'MZ'}
    expect(await told(image, complete)).toBe('none')
  })

  test('a complete machine with EFI variables and no LoaderInfo has no systemd-boot', async () => {
    const stale = {...EFI_FOLDER, ...entry('/boot/efi/loader/entries/debian.conf')}
    expect(await told({...stale, ...bootEntry(1, 'Disk', '')}, complete)).toBe('none')
    // A real-time kernel turns the runtime services off, and has no variables.
    expect(await told(stale, complete)).toBe('systemd-boot /boot/efi/loader/loader.conf: ro')
  })

  test('of two ESPs with the same entry, it is the one that firmware started', async () => {
    const both = {
      ...loaderVariables({
        LoaderInfo: 'systemd-boot 252',
        LoaderEntrySelected: 'a.conf',
        LoaderDevicePartUUID: 'ABCD-EF',
      }),
      ...entry('/efi/loader/entries/a.conf', 'first'),
      ...entry('/boot/efi/loader/entries/a.conf', 'second'),
      '/proc/mounts': '/dev/sda1 /efi vfat rw 0 0\n/dev/sdb1 /boot/efi vfat rw 0 0\n',
    }
    expect(await told(both)).toBe(
      'unknown: /efi and /boot/efi both have the boot entry a.conf, and it is not known which one started this machine',
    )
    const link = async (path: string) => (path === '/dev/disk/by-partuuid/abcd-ef' ? '../../sdb1' : undefined)
    expect(await told(both, {link})).toBe('systemd-boot /boot/efi/loader/loader.conf: second')
    const twice = both['/proc/mounts'].replace('/dev/sdb1', '/dev/sda1')
    expect(await told({...both, '/proc/mounts': twice})).toBe('systemd-boot /efi/loader/loader.conf: first')
  })

  test('nothing found is an answer on a whole machine, and unknown in a partial capture', async () => {
    const loader = (more: Partial<HostView>) => gatherer({...memoryHost(BASE), ...more})(knownBootLoader)
    expect(await loader(complete)).toEqual({kind: 'none'})
    await expect(loader({})).rejects.toThrow('no files of a boot loader were captured')
  })
})

describe('the grub.cfg that GRUB reads', () => {
  const SHIM = (vendor: string) => bootEntry(1, vendor, `\\EFI\\${vendor}\\shimx64.efi`)
  const esp = (vendor: string, text: string): Files => ({[`/boot/efi/EFI/${vendor}/grub.cfg`]: text})
  const full = (vendor: string) => menu(`/boot/efi/EFI/${vendor}/grub.cfg`)
  const BLS = entry('/boot/loader/entries/m-6.12.1.conf', '$kernelopts $tuned_params')
  const saved = grubenv('kernelopts=root=/dev/r ro crash\nsaved_entry=m-6.12.1\n')
  const RHEL8: Files = {
    ...PROGRAMS2,
    ...EFI_FOLDER,
    ...BLS,
    ...esp('redhat', BLS_CFG),
    '/boot/efi/EFI/redhat/grubenv': saved,
  }
  const RHEL8_IS = 'grub-bls /boot/efi/EFI/redhat/grubenv: root=/dev/r ro crash '

  test.for<readonly [string, Files, string]>([
    ['RHEL 8: menu and grubenv on the ESP', RHEL8, RHEL8_IS],
    [
      'RHEL 8 with a grub.cfg that was generated in the wrong place',
      {...RHEL8, ...menu('/boot/grub2/grub.cfg')},
      RHEL8_IS,
    ],
    [
      'RHEL 8, no $kernelopts in grubenv: the value of grub.cfg',
      {
        ...RHEL8,
        ...esp(
          'redhat',
          `if [ -z "\${kernelopts}" ]; then\n  set kernelopts="root=/dev/x ro "\nfi\n${BLS_CFG}`,
        ),
        '/boot/efi/EFI/redhat/grubenv': grubenv('saved_entry=m-6.12.1\n'),
      },
      'grub-bls /boot/efi/EFI/redhat/grubenv: root=/dev/x ro  ',
    ],
    [
      'RHEL 8 by shim, beside the folder of another system',
      {...RHEL8, ...SHIM('redhat'), ...full('centos')},
      RHEL8_IS,
    ],
    [
      'RHEL 8 by its link, beside the folder of another system',
      {...RHEL8, '/etc/grub2-efi.cfg': BLS_CFG, ...full('centos')},
      RHEL8_IS,
    ],
    [
      'RHEL 8, and nothing tells which folder',
      {...RHEL8, ...full('centos')},
      'unknown: it is not known which of these GRUB reads: /boot/efi/EFI/redhat/grub.cfg, /boot/efi/EFI/centos/grub.cfg',
    ],
    [
      'RHEL 8 without its entries',
      {...PROGRAMS2, ...EFI_FOLDER, ...esp('redhat', BLS_CFG)},
      'unknown: /boot/efi/EFI/redhat/grub.cfg takes its entries from /boot/loader/entries, which has none',
    ],
    [
      'RHEL 9: the ESP only names the menu',
      {
        ...PROGRAMS2,
        ...EFI_FOLDER,
        ...BLS,
        ...esp('redhat', STUB),
        '/boot/grub2/grub.cfg': BLS_CFG,
        '/boot/grub2/grubenv': saved,
      },
      'grub-bls /boot/grub2/grubenv: root=/dev/r ro crash ',
    ],
    [
      'CentOS 7: the whole menu on the ESP',
      {...PROGRAMS2, ...EFI_FOLDER, ...full('centos')},
      'grub /boot/efi/EFI/centos/grub.cfg',
    ],
    [
      'CentOS 7, its ESP at /efi',
      {...PROGRAMS2, ...EFI_FOLDER, ...menu('/efi/EFI/centos/grub.cfg')},
      'grub /efi/EFI/centos/grub.cfg',
    ],
    [
      'CentOS 7, an ESP that is mounted twice',
      {...PROGRAMS2, ...EFI_FOLDER, ...menu('/efi/EFI/centos/grub.cfg'), ...full('centos')},
      'grub /efi/EFI/centos/grub.cfg',
    ],
    [
      'Debian: the ESP only names the menu',
      {...GRUB, ...EFI_FOLDER, ...esp('debian', STUB)},
      'grub /boot/grub/grub.cfg',
    ],
    [
      'Debian by shim, with the menu of an older system on the ESP',
      {...GRUB, ...SHIM('debian'), ...EFI_FOLDER, ...esp('debian', STUB), ...full('centos')},
      'grub /boot/grub/grub.cfg',
    ],
    [
      'an older menu on the ESP, and nothing tells',
      {...GRUB, ...EFI_FOLDER, ...esp('debian', STUB), ...full('centos')},
      'unknown: it is not known which of these GRUB reads: /boot/efi/EFI/debian/grub.cfg, /boot/efi/EFI/centos/grub.cfg',
    ],
    [
      'a capture without /sys/firmware, and two menus',
      {...GRUB, ...full('centos')},
      'unknown: it is not known whether GRUB reads /boot/efi/EFI/centos/grub.cfg or /boot/grub/grub.cfg: /sys/firmware was not captured',
    ],
  ])('%s', async ([, files, expected]) => {
    expect(await told(files)).toBe(expected)
  })

  test('GRUB on BIOS reads the one below /boot, whatever is on a stale ESP', async () => {
    expect(await told({...GRUB, ...full('centos')}, complete)).toBe('grub /boot/grub/grub.cfg')
  })
})

describe('boot entries that something else generates', () => {
  const SELECTED = (selected: string) =>
    loaderVariables({LoaderInfo: 'systemd-boot 257', LoaderEntrySelected: selected})
  const TWO = '"nohz_full=2-3" "irqaffinity=0-1"'
  const os = (id: string): Files => ({'/etc/os-release': `ID=${id}\n`})

  test.for<readonly [string, Files, string]>([
    [
      'ostree',
      {
        '/proc/cmdline': 'BOOT_IMAGE=(hd0,gpt3)/ostree/fedora/vmlinuz ostree=/ostree/boot.1/fedora/x/0 ro\n',
        ...GRUB,
      },
      'ostree generates the boot entries from its deployments: rpm-ostree kargs --append-if-missing=nohz_full=2-3 --append-if-missing=irqaffinity=0-1 (without',
    ],
    [
      'ostree by its entry',
      {...SELECTED('ostree-1.conf'), ...entry('/boot/loader/entries/ostree-1.conf')},
      'ostree generates',
    ],
    [
      'Ubuntu Core',
      {'/proc/cmdline': 'snapd_recovery_mode=run console=ttyS0 panic=-1\n', ...GRUB},
      `snapd generates the boot entries: snap set system system.kernel.cmdline-append="${WORDS}"`,
    ],
    [
      'NixOS with systemd-boot',
      {...SELECTED('nixos-generation-12.conf'), ...entry('/boot/loader/entries/nixos-generation-12.conf')},
      `NixOS generates the boot entries from its configuration: set boot.kernelParams = [ ${TWO} ]; and run nixos-rebuild boot`,
    ],
    [
      'NixOS with GRUB',
      {'/proc/cmdline': 'BOOT_IMAGE=(hd0,msdos1)//kernels/x-bzImage init=/nix/store/abc/init\n', ...GRUB},
      'NixOS generates',
    ],
    ['NixOS by its file', {'/etc/NIXOS': '', '/boot/extlinux/extlinux.conf': 'LABEL x\n'}, 'NixOS generates'],
    [
      'Guix',
      {
        '/proc/cmdline':
          'BOOT_IMAGE=/gnu/store/x/bzImage gnu.system=/gnu/store/y gnu.load=/gnu/store/y/boot\n',
        ...GRUB,
      },
      'Guix generates the boot entries from its configuration: add these to kernel-arguments',
    ],
    [
      'Pop!_OS',
      {
        ...SELECTED('pop_os-current.conf'),
        ...entry('/boot/efi/loader/entries/Pop_OS-current.conf', 'ro', ''),
        '/etc/kernelstub/configuration': '{}',
      },
      `kernelstub generates the boot entries: kernelstub --add-options "${WORDS}"`,
    ],
    [
      'Pop!_OS without its configuration',
      {...SELECTED('Pop_OS-current.conf'), ...entry('/boot/efi/loader/entries/Pop_OS-current.conf')},
      'kernelstub generates',
    ],
    [
      'openSUSE with sdbootutil and systemd-boot',
      {
        ...SELECTED('opensuse-tumbleweed-6.9-5.conf'),
        '/etc/sysconfig/bootloader': 'LOADER_TYPE="systemd-boot"\n',
        ...entry('/boot/efi/loader/entries/opensuse-tumbleweed-6.9-5.conf'),
      },
      'sdbootutil generates the boot entries, one for each kernel and snapshot: append these to /etc/kernel/cmdline and run sdbootutil update-all-entries:',
    ],
    [
      'openSUSE with sdbootutil and GRUB',
      {
        ...loaderVariables({LoaderInfo: 'GRUB 2.12'}),
        '/etc/sysconfig/bootloader': 'LOADER_TYPE="grub2-bls"\n',
      },
      'sdbootutil generates',
    ],
    [
      'MicroOS',
      {
        '/etc/os-release': 'NAME="openSUSE MicroOS"\nID="opensuse-microos"\n',
        ...menu('/boot/grub2/grub.cfg'),
        ...PROGRAMS2,
      },
      'transactional-update writes the boot menu into a new snapshot: append these to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub and run transactional-update grub.cfg',
    ],
    [
      'Flatcar',
      {'/proc/cmdline': 'BOOT_IMAGE=/flatcar/vmlinuz-a mount.usr=PARTUUID=x\n', ...GRUB},
      `Flatcar replaces its boot menu with each update: add this line to /oem/grub.cfg: set linux_append="$linux_append ${WORDS}"`,
    ],
    [
      'Talos',
      {'/usr/lib/os-release': 'ID=talos\n'},
      'Talos generates the boot entries: add these to machine.install.extraKernelArgs',
    ],
    ['Bottlerocket', {'/etc/os-release': 'ID=bottlerocket\n', ...GRUB}, 'Bottlerocket generates'],
    [
      'a unified image that systemd-boot selected',
      {...SELECTED('debian-6.12.1.efi'), ...entry('/efi/loader/entries/old.conf')},
      `the builder of the unified kernel image puts the arguments into the image: put them into /etc/kernel/cmdline and rebuild it (kernel-install add-all), or make an addon (ukify): ${WORDS}`,
    ],
    [
      'a unified image that firmware starts',
      {
        ...loaderVariables({StubInfo: 'systemd-stub 257'}),
        ...bootEntry(5, 'Fedora', '\\EFI\\Linux\\fedora-6.12.efi'),
        ...GRUB,
      },
      'the builder of the unified kernel image puts',
    ],
    [
      'a unified image without StubInfo',
      {...bootEntry(5, 'Arch', '\\EFI\\Linux\\arch-linux.efi'), '/etc/mkinitcpio.conf': '', ...GRUB},
      'the builder of the unified kernel image puts the arguments into the image: put them into /etc/kernel/cmdline and rebuild it (mkinitcpio -P)',
    ],
    [
      'a unified image of dracut',
      {...SELECTED('linux-6.12.efi'), '/etc/dracut.conf': ''},
      'the builder of the unified kernel image puts the arguments into the image: put them into kernel_cmdline= in /etc/dracut.conf.d,',
    ],
    [
      'a unified image by kernel-install with dracut',
      {...SELECTED('linux-6.12.efi'), '/etc/dracut.conf': '', '/etc/kernel/install.conf': 'layout=uki\n'},
      'the builder of the unified kernel image puts the arguments into the image: put them into /etc/kernel/cmdline and rebuild it (kernel-install add-all)',
    ],
    [
      'a stub in front of a kernel that GRUB started',
      {
        ...loaderVariables({LoaderInfo: 'GRUB 2.12', StubInfo: 'systemd-stub 257'}),
        '/proc/cmdline': 'BOOT_IMAGE=/vmlinuz ro\n',
        ...GRUB,
      },
      'grub /boot/grub/grub.cfg',
    ],
    [
      'a boot entry that starts the kernel',
      {
        ...bootEntry(4, 'Arch', '\\vmlinuz-linux', 'root=/dev/sda2 initrd=\\initramfs-linux.img'),
        ...GRUB,
        ...entry('/boot/loader/entries/arch.conf'),
      },
      'the boot entry of the firmware starts the kernel itself and holds its arguments: see Boot0004 with efibootmgr --unicode',
    ],
    [
      'rEFInd',
      {
        ...loaderVariables({LoaderInfo: 'rEFInd 0.14.0'}),
        ...GRUB,
        '/boot/refind_linux.conf': '"Boot" "ro"\n',
      },
      `rEFInd started this machine: append these to each line of /boot/refind_linux.conf, or to the options of the stanza in refind.conf: ${WORDS}`,
    ],
    [
      'rEFInd before it set LoaderInfo',
      {...bootEntry(2, 'rEFInd', '\\EFI\\refind\\refind_x64.efi'), ...GRUB},
      'rEFInd started this machine',
    ],
    [
      'rEFInd without EFI variables',
      {
        '/proc/cmdline': 'root=/dev/sda2 ro initrd=boot\\initrd.img\n',
        '/boot/refind_linux.conf': '"Boot" "ro"\n',
        ...GRUB,
      },
      'rEFInd (/boot/refind_linux.conf) has to be configured by hand',
    ],
    [
      'Limine',
      {
        ...loaderVariables({LoaderInfo: 'Limine 9.2.0'}),
        '/boot/limine.conf': '/Linux\n',
        ...entry('/boot/loader/entries/a.conf'),
      },
      `Limine started this machine: append these to the cmdline of each entry in /boot/limine.conf: ${WORDS}`,
    ],
    [
      'Limine with limine-entry-tool',
      {...bootEntry(2, 'Limine', '\\EFI\\limine\\limine_x64.efi'), '/etc/default/limine': ''},
      'Limine started this machine: append these to KERNEL_CMDLINE[default] in /etc/default/limine and run limine-update',
    ],
    [
      'Limine on BIOS',
      {'/boot/limine/limine.conf': '/Linux\n'},
      'Limine has to be configured by hand: append these to the cmdline of each entry in /boot/limine/limine.conf',
    ],
    [
      'ZFSBootMenu',
      {...bootEntry(2, 'ZFSBootMenu', '\\EFI\\ZBM\\VMLINUZ.EFI')},
      'ZFSBootMenu started this machine: append these to the property org.zfsbootmenu:commandline',
    ],
    [
      'a network boot',
      {'/proc/cmdline': 'BOOT_IMAGE=vmlinuz BOOTIF=01-52-54-00-12-34-56 root=/dev/nfs\n', ...GRUB},
      'the boot server passes the arguments of this network boot',
    ],
    [
      'zipl, which reads the same entries',
      {'/etc/zipl.conf': '[defaultboot]\n', ...entry('/boot/loader/entries/m-6.12.1.conf')},
      `zipl writes the boot entries to the disk: add these with grubby --update-kernel=ALL --args="${WORDS}"`,
    ],
    [
      'Raspberry Pi OS',
      {
        '/proc/device-tree/model': 'Raspberry Pi 5 Model B Rev 1.0\0',
        '/boot/firmware/config.txt': 'arm_64bit=1\n',
        '/boot/firmware/cmdline.txt': 'ro\n',
      },
      `the firmware of the Raspberry Pi reads the arguments from a file: append these to the one line of /boot/firmware/cmdline.txt: ${WORDS}`,
    ],
    [
      'an older Raspberry Pi OS',
      {'/boot/config.txt': 'cmdline=my.txt\n', ...GRUB},
      'the firmware of the Raspberry Pi reads the arguments from a file: append these to the one line of /boot/my.txt',
    ],
    [
      'Ubuntu on a Raspberry Pi',
      {'/boot/firmware/config.txt': '[all]\nos_prefix=current/\n'},
      'the firmware of the Raspberry Pi reads the arguments from a file: append these to the one line of /boot/firmware/current/cmdline.txt',
    ],
    [
      'a Raspberry Pi with EFI firmware',
      {'/proc/device-tree/model': 'Raspberry Pi 4\0', ...EFI_FOLDER, ...GRUB},
      'grub /boot/grub/grub.cfg',
    ],
    [
      'Armbian',
      {'/boot/armbianEnv.txt': 'extraargs=\n'},
      'Armbian passes the arguments of /boot/armbianEnv.txt: append these to extraargs= there',
    ],
    [
      'extlinux',
      {'/boot/extlinux/extlinux.conf': 'LABEL l0\n'},
      `extlinux (/boot/extlinux/extlinux.conf) has to be configured by hand: append them to U_BOOT_PARAMETERS in /etc/default/u-boot and run u-boot-update, or to the APPEND line in /boot/extlinux/extlinux.conf: ${WORDS}`,
    ],
    [
      'extlinux on Alpine',
      {'/boot/extlinux.conf': 'LABEL l0\n', '/etc/update-extlinux.conf': ''},
      'extlinux (/boot/extlinux.conf) has to be configured by hand: append these to default_kernel_opts in /etc/update-extlinux.conf and run update-extlinux',
    ],
    [
      'flash-kernel',
      {'/etc/default/flash-kernel': 'LINUX_KERNEL_CMDLINE=""\n'},
      'flash-kernel writes the boot script',
    ],
    [
      'Proxmox with systemd-boot',
      {
        ...SELECTED('proxmox-6.8-pve.conf'),
        '/etc/kernel/proxmox-boot-uuids': 'ABCD-1234\n',
        '/etc/kernel/cmdline': 'root=ZFS=rpool/ROOT/pve-1 boot=zfs\n',
        ...GRUB,
      },
      'proxmox /etc/kernel/cmdline: root=ZFS=rpool/ROOT/pve-1 boot=zfs',
    ],
    [
      'Proxmox with systemd-boot, no EFI variables',
      {
        '/proc/cmdline': 'initrd=\\EFI\\proxmox\\i root=ZFS=r\n',
        '/etc/kernel/proxmox-boot-uuids': 'ABCD-1234\n',
        ...GRUB,
      },
      'proxmox /etc/kernel/cmdline: root=ZFS=r',
    ],
    [
      'Proxmox with GRUB',
      {
        ...bootEntry(1, 'proxmox', '\\EFI\\proxmox\\grubx64.efi'),
        '/etc/kernel/proxmox-boot-uuids': 'ABCD-1234\n',
        ...GRUB,
      },
      'proxmox-boot-tool writes the boot menu to the ESPs of /etc/kernel/proxmox-boot-uuids: append these to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub and run proxmox-boot-tool refresh',
    ],
    [
      'Proxmox, and nothing tells the loader',
      {'/etc/kernel/proxmox-boot-uuids': 'ABCD-1234\n', ...GRUB},
      'proxmox-boot-tool writes the boot menu to the ESPs of /etc/kernel/proxmox-boot-uuids: append these to GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub, or to /etc/kernel/cmdline if',
    ],
    [
      'a program of an unknown name that firmware started, no GRUB',
      {...EFI_FOLDER, ...bootEntry(1, 'OpenCore', '\\EFI\\OC\\OpenCore.efi'), ...GRUB},
      '/EFI/OC/OpenCore.efi started this machine, and isolctl does not know its configuration: add these',
    ],
    [
      'a program of an unknown name that started GRUB',
      {
        ...EFI_FOLDER,
        ...bootEntry(1, 'SteamOS', '\\EFI\\steamos\\steamcl.efi'),
        ...GRUB,
        '/proc/cmdline': 'BOOT_IMAGE=/boot/vmlinuz root=/dev/sda2 ro\n',
      },
      'grub /boot/grub/grub.cfg',
    ],
    [
      'the name for machines without a boot entry says nothing',
      {...EFI_FOLDER, ...bootEntry(1, 'UEFI OS', '\\EFI\\BOOT\\BOOTX64.EFI'), ...GRUB},
      'grub /boot/grub/grub.cfg',
    ],
    [
      'Kairos and Harvester: an image with a boot menu of its own',
      {
        ...os('sl-micro'),
        ...GRUB,
        '/proc/cmdline':
          'BOOT_IMAGE=(loop0)/boot/vmlinuz root=LABEL=COS_STATE cos-img/filename=/cOS/active.img\n',
      },
      'the Elemental toolkit starts images that have a boot menu of their own: add these to extra_cmdline in /oem/grubenv',
    ],
    [
      'VyOS',
      {
        ...os('vyos'),
        ...GRUB,
        '/proc/cmdline': 'BOOT_IMAGE=/boot/1.4/vmlinuz boot=live vyos-union=/boot/1.4\n',
      },
      'VyOS generates the boot entries from its configuration: set these below "system option kernel"',
    ],
    [
      'TrueNAS',
      {
        ...os('debian'),
        ...GRUB,
        '/proc/cmdline': 'BOOT_IMAGE=/ROOT/24.10@/boot/vmlinuz root=ZFS=boot-pool/ROOT/24.10 ro\n',
      },
      'TrueNAS generates the boot entries: midclt call system.advanced.update',
    ],
    [
      'WSL',
      {...os('ubuntu'), '/proc/cmdline': 'initrd=\\initrd.img WSL_ROOT_INIT=1 panic=-1 nr_cpus=8\n'},
      'the Windows host starts the kernel of WSL: add these to kernelCommandLine=',
    ],
    [
      'Android',
      {'/proc/cmdline': 'androidboot.slot_suffix=_a console=ttyS0\n'},
      'Android has the arguments in its boot image: build',
    ],
    [
      'ChromeOS',
      {'/proc/cmdline': 'cros_secure console= root=/dev/dm-0\n'},
      'ChromeOS has the arguments in its signed kernel partition: add',
    ],
    [
      'Clear Linux',
      {
        ...SELECTED('Org.clearlinux.native.6.12.conf'),
        ...entry('/boot/loader/entries/Org.clearlinux.native.6.12.conf'),
      },
      'clr-boot-manager generates the boot entries: put these into a file of /etc/kernel/cmdline.d and run clr-boot-manager update',
    ],
    ...[
      'BOOT_IMAGE=/live/vmlinuz boot=live components quiet',
      'BOOT_IMAGE=/casper/vmlinuz boot=casper quiet',
      'BOOT_IMAGE=/images/vmlinuz root=live:CDLABEL=Fedora rd.live.image',
    ].map((line): [string, Files, string] => [
      `a live medium: ${line}`,
      {...GRUB, '/proc/cmdline': `${line}\n`},
      'the live medium starts a system that forgets its changes: add these in its boot menu',
    ]),
    ...[
      'initrd=initrd.img root=/dev/nfs nfsroot=10.0.0.1:/x ip=dhcp',
      'BOOT_IMAGE=(tftp,10.0.0.1)/vmlinuz root=/dev/sda2',
      'BOOT_IMAGE=(http)/vmlinuz root=/dev/sda2',
    ].map((line): [string, Files, string] => [
      `a network boot: ${line}`,
      {...GRUB, '/proc/cmdline': `${line}\n`},
      'the boot server passes the arguments of this network boot: add these there',
    ]),
    [
      'Unraid: syslinux, not the files of u-boot-update',
      {...os('slackware'), '/boot/syslinux/syslinux.cfg': 'append initrd=/bzroot\n'},
      'extlinux (/boot/syslinux/syslinux.cfg) has to be configured by hand: append these to each APPEND line in /boot/syslinux/syslinux.cfg: ',
    ],
    [
      'Proxmox on ext4, without ESPs of the tool',
      {'/etc/kernel/proxmox-boot-uuids': '\n', ...GRUB},
      'grub /boot/grub/grub.cfg',
    ],
  ])('%s', async ([, files, expected]) => {
    expect((await told(files)).slice(0, expected.length)).toBe(expected)
  })
})
