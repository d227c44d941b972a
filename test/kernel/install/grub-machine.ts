// SPDX-License-Identifier: MIT
import {freshBeside} from '../../../src/host/fresh.ts'
import type {Host} from '../../../src/host/host.ts'
import {type MemoryHost, memoryHost} from '../../../src/host/memory.ts'
import {grubControl} from '../../../src/kernel/install/grub.ts'
import type {TrialMachine} from '../../../src/kernel/install/trial-machine.ts'
import {silent} from '../../../src/lib/progress.ts'

export const STOCK = '6.1.0-1-amd64'
export const OURS = '6.12.1-isolctl'

/** The output of grub-mkconfig for the kernels in /boot, newest first, and for our drop-in. */
function grubCfg(releases: readonly string[], chosen: string): string {
  const entry = (title: string, id: string, release: string, extra = '') =>
    `menuentry '${title}' --class debian $menuentry_id_option '${id}' {
	search --no-floppy --fs-uuid --set=root 1234
	linux /boot/vmlinuz-${release} root=UUID=1234 ro ${extra}
	initrd /boot/initrd.img-${release}
}
`
  const newest = releases[0] ?? ''
  return `if [ "\${next_entry}" ] ; then
   set default="\${next_entry}"
   set next_entry=
else
   set default="${chosen}"
fi
### BEGIN /etc/grub.d/10_linux ###
${entry('Debian', 'gnulinux-simple-1234', newest, 'quiet')}
submenu 'Advanced options' $menuentry_id_option 'gnulinux-advanced-1234' {
${releases
  .map(
    (release) =>
      entry(`Debian, with ${release}`, `gnulinux-${release}-advanced-1234`, release, 'quiet') +
      entry(
        `Debian, with ${release} (recovery mode)`,
        `gnulinux-${release}-recovery-1234`,
        release,
        'single',
      ),
  )
  .join('')}}
### END /etc/grub.d/10_linux ###
`
}

const ENV_HEADER = '# GRUB Environment Block\n'

/**
 * A machine with GRUB. Its programs do what the real ones do, as far as an installation needs it.
 */
export function grubMachine({
  fs = 'ext2',
  abstraction = '',
  free = 1e9,
  refuse = () => {},
}: {
  fs?: string
  abstraction?: string
  free?: number
  /** Called before every command and every write. It throws to stop there. */
  refuse?: (what: string) => void
} = {}): {machine: TrialMachine; memory: MemoryHost; next(): string | undefined} {
  const memory = memoryHost({
    '/proc/cmdline': `BOOT_IMAGE=/boot/vmlinuz-${STOCK} root=UUID=1234 ro quiet\n`,
    [`/boot/vmlinuz-${STOCK}`]: 'kernel',
    [`/boot/initrd.img-${STOCK}`]: 'initrd',
    '/boot/grub/grub.cfg': grubCfg([STOCK], '0'),
    '/boot/grub/grubenv': ENV_HEADER,
  })
  const {files} = memory
  const makeConfig = () => {
    const releases = [...files.keys()].flatMap((path) => /^\/boot\/vmlinuz-(.+)$/.exec(path)?.[1] ?? [])
    const dropIn = files.get('/etc/default/grub.d/zz-isolctl-kernel.cfg') ?? ''
    const chosen = /GRUB_DEFAULT="(.*)"/.exec(dropIn)?.[1] ?? '0'
    return grubCfg([...releases].sort().reverse(), chosen)
  }
  const commands: Record<string, (args: readonly string[]) => string> = {
    'grub-mkconfig': makeConfig,
    'grub-script-check': () => '',
    'grub-probe': ([target]) => (target === '--target=fs' ? fs : abstraction),
    'grub-reboot': ([entry]) => {
      files.set('/boot/grub/grubenv', `${ENV_HEADER}next_entry=${entry}\n`)
      return ''
    },
    'grub-editenv': () => {
      files.set('/boot/grub/grubenv', ENV_HEADER)
      return ''
    },
    'dpkg-deb': ([what]) =>
      what === '--field'
        ? `Package: linux-image-${OURS}\nVersion: 6.12.1-1\nArchitecture: amd64\n`
        : `-rw-r--r-- root/root 8000000 2026-01-01 00:00 ./boot/vmlinuz-${OURS}
-rw-r--r-- root/root 50000000 2026-01-01 00:00 ./lib/modules/${OURS}/kernel/all.ko\n`,
    dpkg: ([what, ...rest]) => {
      if (what === '--print-architecture') return 'amd64\n'
      if (what === '--purge') {
        for (const name of ['vmlinuz', 'initrd.img']) files.delete(`/boot/${name}-${OURS}`)
      } else if (rest.includes('--install'))
        for (const name of ['vmlinuz', 'initrd.img']) files.set(`/boot/${name}-${OURS}`, 'ours')
      files.set('/boot/grub/grub.cfg', makeConfig()) // zz-update-grub
      return ''
    },
    stat: (args) => (args.includes('%a') ? `${free}` : '1'),
    systemctl: () => '',
    sync: () => '',
  }
  const host: Host = {
    ...memory,
    // As in local.ts: a fresh file in the same directory, which replaces the old one.
    async writeFile(path, text) {
      const fresh = freshBeside(path)
      if (text !== null) files.set(fresh, text)
      refuse(path)
      files.delete(fresh)
      await memory.writeFile(path, text)
    },
    checkpoint: async () => refuse('checkpoint'),
    async run([program, ...args]) {
      refuse(program)
      const command = commands[program]
      if (command === undefined) throw new Error(`${program}: not installed`)
      return {stdout: command(args)}
    },
  }
  const machine: TrialMachine = {
    host,
    control: grubControl(host),
    running: STOCK,
    bootId: 'boot-1',
    clock: () => '2026-11-24T12:00:00Z',
    progress: silent,
  }
  return {
    machine,
    memory,
    /** The release that GRUB boots next. Clears next_entry, as GRUB does. */
    next() {
      const entry = /^next_entry=(.+)$/m.exec(files.get('/boot/grub/grubenv') ?? '')?.[1]
      files.set('/boot/grub/grubenv', ENV_HEADER)
      const cfg = `${files.get('/boot/grub/grub.cfg')}\n${files.get('/boot/grub/custom.cfg') ?? ''}`
      const chosen = entry ?? /set default="([^"$]*)"/.exec(cfg)?.[1] ?? '0'
      const id = chosen === '0' ? 'gnulinux-simple-1234' : (chosen.split('>').at(-1) ?? '')
      const from = cfg.indexOf(`'${id}'`)
      return /vmlinuz-(\S+)/.exec(cfg.slice(Math.max(0, from)))?.[1]
    },
  }
}
