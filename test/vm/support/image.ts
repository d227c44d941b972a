// SPDX-License-Identifier: MIT
/**
 * A small but real Debian on its own disk, with a real boot loader: created once, and then used
 * through copy-on-write overlays.
 */
import {createHash} from 'node:crypto'
import {existsSync} from 'node:fs'
import {mkdir, readdir, readFile, readlink, rename, rm, stat, truncate, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {cacheFolder} from '../../../src/lib/cache.ts'
import {withPrivateFolder} from '../../../src/lib/files.ts'
import {withLock} from '../../../src/lib/lock.ts'
import {requirePrograms} from '../../../src/lib/programs.ts'
import {debianKernels} from './kernels.ts'
import {startVm, type VmOptions} from './machine.ts'

export type Loader = 'grub' | 'systemd-boot'

/**
 * Increase it when the way of creating the image changes its contents and imageKey() does not
 * notice.
 */
const RECIPE = 2
const ROOTFS = join(import.meta.dirname, 'rootfs')
const PROGRAMS = [
  {name: 'mmdebstrap', package: 'mmdebstrap'},
  {name: 'sfdisk', package: 'fdisk'},
  {name: 'mkfs.ext4', package: 'e2fsprogs'},
  {name: 'mkfs.vfat', package: 'dosfstools'},
  {name: 'qemu-img', package: 'qemu-utils'},
  {name: 'qemu-system-x86_64', package: 'qemu-system-x86'},
]

/** libstdc++6 is for Node.js; a server has the other packages anyway. A kernel is added to them. */
const PACKAGES = [
  ...[
    'systemd',
    'systemd-sysv',
    'udev',
    'kmod',
    'procps',
    'initramfs-tools',
    'zstd',
    'busybox',
    'dosfstools',
  ],
  'libstdc++6',
]
const LOADER_PACKAGES: Record<Loader, readonly string[]> = {
  grub: ['grub-pc'],
  'systemd-boot': ['systemd-boot', 'efibootmgr'],
}
/** No units that start by themselves, and no login on the console, which is for kernel messages. */
const MASKED = [
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'e2scrub_all.timer', 'dpkg-db-backup.timer'],
  ...[
    'fstrim.timer',
    'e2scrub_reap.service',
    'serial-getty@ttyS0.service',
    'getty.target',
    'getty-static.service',
  ],
  ...['systemd-networkd.service', 'systemd-timesyncd.service', 'systemd-resolved.service'],
]

/**
 * Sectors of 512 bytes: the BIOS boot partition of GRUB, the EFI system partition, and the root
 * partition up to the end.
 */
const DISK_BYTES = 2 ** 31
const PARTITIONS = {
  bios: {start: 2048, size: 2048},
  esp: {start: 4096, size: 393_216},
  root: {start: 397_312},
}
const ROOT_UUID = '6f1c2f6e-0b52-4d0c-9d9b-0f5f3a1c7d21'
const MACHINE_ID = '0b8f1a6f5d7c4c1e9f4f3d2a1b0c9d8e'

/**
 * Path of a raw disk image, which must not be written to: from the cache, or created now, which
 * takes minutes.
 */
export async function debianImage(loader: Loader, say: (line: string) => void = () => {}): Promise<string> {
  await requirePrograms(PROGRAMS, 'making the virtual machine')
  const sources = await debianSources()
  const packages = [...PACKAGES, ...LOADER_PACKAGES[loader], (await debianKernels()).stock]
  const images = await cacheFolder('images')
  const place = join(images, `${loader}-${await imageKey(loader, sources, packages)}.raw`)
  if (existsSync(place)) return place
  return await withLock(join(await cacheFolder('locks'), `image-${loader}`), {}, async () => {
    if (existsSync(place)) return place
    await dropOldImages(images)
    const fresh = `${place}.tmp`
    try {
      await makeDisk(loader, {sources, packages}, fresh, say)
      say(`install ${loader} in it`)
      await installLoader(loader, fresh)
      await rename(fresh, place)
    } finally {
      await rm(fresh, {force: true})
    }
    return place
  })
}

/** Created a week ago or earlier: another checkout may be using a newer one. */
async function dropOldImages(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const {mtimeMs} = await stat(path)
    if (Date.now() - mtimeMs > 7 * 86_400_000) await rm(path, {force: true})
  }
}

/**
 * A writable overlay of a disk. The disk below must exist and stay unchanged as long as the overlay
 * is used.
 */
export async function overlay(
  below: {readonly file: string; readonly format: 'raw' | 'qcow2'},
  folder: string,
): Promise<string> {
  const disk = join(folder, `${crypto.randomUUID()}.qcow2`)
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', below.file, '-F', below.format, disk])
  return disk
}

/** The Debian archives that the apt of this machine trusts, as lines of a sources.list. */
async function debianSources(): Promise<readonly string[]> {
  const {stdout} = await execa('apt-get', [
    'indextargets',
    '--format',
    '$(ORIGIN) deb $(SITE) $(RELEASE) main',
    'Created-By: Packages',
  ])
  const lines = stdout.split('\n').flatMap((line) => /^Debian (deb .*)$/.exec(line)?.[1] ?? [])
  if (lines.length === 0) throw new Error('the virtual machines are Debian: apt knows no Debian archive here')
  return [...new Set(lines)]
}

async function imageKey(
  loader: Loader,
  sources: readonly string[],
  packages: readonly string[],
): Promise<string> {
  const hash = createHash('sha256')
  const made = {RECIPE, loader, sources, packages, MASKED, PARTITIONS}
  hash.update(JSON.stringify({...made, configuration: configuration(loader), install: INSTALL[loader]}))
  for (const entry of (await readdir(ROOTFS, {recursive: true, withFileTypes: true})).sort((a, b) =>
    `${a.parentPath}/${a.name}` < `${b.parentPath}/${b.name}` ? -1 : 1,
  )) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) hash.update(`${path.slice(ROOTFS.length)}\n`).update(await readFile(path))
    if (entry.isSymbolicLink()) hash.update(`${path.slice(ROOTFS.length)} -> ${await readlink(path)}\n`)
  }
  return hash.digest('hex').slice(0, 16)
}

async function makeDisk(
  loader: Loader,
  {sources, packages}: {readonly sources: readonly string[]; readonly packages: readonly string[]},
  disk: string,
  say: (line: string) => void,
): Promise<void> {
  const {bios, esp, root} = PARTITIONS
  await writeFile(disk, '')
  await truncate(disk, DISK_BYTES)
  await execa('sfdisk', ['-q', disk], {
    input: [
      'label: gpt',
      `start=${bios.start}, size=${bios.size}, type=21686148-6449-6E6F-744E-656564454649, name=bios`,
      `start=${esp.start}, size=${esp.size}, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp`,
      `start=${root.start}, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root`,
      '',
    ].join('\n'),
  })
  await execa('mkfs.vfat', ['-F32', '-s1', '-n', 'ESP', `--offset=${esp.start}`, disk, `${esp.size / 2}`])
  say(`install a minimal Debian with ${loader}`)
  await withPrivateFolder(async (folder) => {
    await writeConfiguration(loader, folder)
    const archive = join(folder, 'rootfs.tar')
    await execa('mmdebstrap', [
      ...['--variant=minbase', '--format=tar', `--include=${packages.join(',')}`],
      ...['--aptopt=APT::Install-Recommends "false"'],
      ...['man', 'locale', 'doc', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
      `--essential-hook=sync-in ${ROOTFS} /`,
      '--essential-hook=echo grub-pc grub-pc/install_devices_empty boolean true | chroot "$1" debconf-set-selections',
      `--customize-hook=sync-in ${join(folder, 'files')} /`,
      '--customize-hook=chown -R root:root "$1/etc" "$1/usr/local"',
      '--customize-hook=mkdir -p "$1/opt/isolctl" "$1/boot/efi"',
      '--customize-hook=chroot "$1" systemctl enable vm-agent.service',
      `--customize-hook=chroot "$1" systemctl mask ${MASKED.join(' ')}`,
      '--customize-hook=rm -rf "$1/var/cache/apt/archives" "$1"/var/lib/apt/lists/*',
      ...['', archive, ...sources],
    ])
    // Without root, fakeroot keeps the owners. The last MiB is for the second partition table.
    const kilobytes = DISK_BYTES / 1024 - root.start / 2 - 1024
    const fill = [
      'set -e; mkdir "$1/rootfs"; tar -xf "$1/rootfs.tar" -C "$1/rootfs" --exclude=./dev/*;',
      `exec mkfs.ext4 -q -F -U ${ROOT_UUID} -L root -E offset=${root.start * 512},lazy_itable_init=0`,
      `-d "$1/rootfs" "$2" ${kilobytes}k`,
    ].join(' ')
    const command = ['sh', '-c', fill, 'sh', folder, disk]
    await execa(process.getuid?.() === 0 ? 'env' : 'fakeroot', command)
  })
}

/** Files below /etc. */
const configuration = (loader: Loader): Readonly<Record<string, string>> => ({
  hostname: 'vm\n',
  'machine-id': `${MACHINE_ID}\n`,
  fstab: [
    `UUID=${ROOT_UUID} / ext4 errors=remount-ro 0 0`,
    'LABEL=isolctl /opt/isolctl ext4 ro,nofail,x-systemd.device-timeout=60s 0 0',
    ...(loader === 'systemd-boot' ? ['LABEL=ESP /boot/efi vfat umask=0077 0 0'] : []),
    '',
  ].join('\n'),
  ...(loader === 'grub'
    ? {
        // As Debian's installer leaves it, except for the console: a headless machine has a serial
        // one.
        'default/grub': [
          'GRUB_DEFAULT=0',
          'GRUB_TIMEOUT=0',
          'GRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`',
          'GRUB_CMDLINE_LINUX_DEFAULT="quiet"',
          'GRUB_CMDLINE_LINUX="console=ttyS0 no_timer_check"',
          'GRUB_TERMINAL=serial',
          '',
        ].join('\n'),
      }
    : {'kernel/cmdline': `root=UUID=${ROOT_UUID} ro quiet console=ttyS0 no_timer_check\n`}),
})

async function writeConfiguration(loader: Loader, folder: string): Promise<void> {
  const etc = join(folder, 'files', 'etc')
  for (const [name, text] of Object.entries(configuration(loader))) {
    await mkdir(join(etc, name, '..'), {recursive: true})
    await writeFile(join(etc, name), text)
  }
}

const INSTALL: Record<Loader, string> = {
  grub: 'set -e; grub-install --target=i386-pc /dev/vda; update-grub',
  'systemd-boot': [
    'set -e; bootctl install --no-variables --make-entry-directory=yes',
    'for kernel in /boot/vmlinuz-*; do kernel-install add "$(basename "$kernel" | cut -c 9-)" "$kernel"; done',
    "echo 'timeout 0' >>/boot/efi/loader/loader.conf",
  ].join('\n'),
}

/**
 * The system on the disk installs its boot loader on real devices, in a machine that was started
 * without one.
 */
async function installLoader(loader: Loader, disk: string): Promise<void> {
  await withPrivateFolder(async (folder) => {
    const direct = await directBoot(disk, folder)
    await using vm = await startVm({disk, format: 'raw', mode: 'agent', direct})
    await vm.ready()
    await vm.must(INSTALL[loader])
    await vm.powerOff()
  })
}

/**
 * How to start the system of an image without a boot loader: with its kernel and initramfs, copied
 * to `folder`.
 */
export async function directBoot(image: string, folder: string): Promise<NonNullable<VmOptions['direct']>> {
  const append = `root=UUID=${ROOT_UUID} ro console=ttyS0 no_timer_check`
  return {...(await extractKernel(image, folder)), append}
}

/** Kernel and initramfs of the disk, read from its file system in place. */
async function extractKernel(disk: string, folder: string): Promise<{kernel: string; initrd: string}> {
  const device = `${disk}?offset=${PARTITIONS.root.start * 512}`
  const debugfs = (request: string) => execa('/sbin/debugfs', ['-R', request, device])
  const {stdout} = await debugfs('ls -p /boot')
  const version = /\/vmlinuz-([^/]+)\//.exec(stdout)?.[1]
  if (version === undefined) throw new Error(`no kernel in the image: ${stdout}`)
  const [kernel, initrd] = [join(folder, 'vmlinuz'), join(folder, 'initrd')]
  await debugfs(`dump /boot/vmlinuz-${version} ${kernel}`)
  await debugfs(`dump /boot/initrd.img-${version} ${initrd}`)
  return {kernel, initrd}
}
