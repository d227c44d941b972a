// SPDX-License-Identifier: MIT
import {type Change, subjectOf} from '../model/change.ts'

/**
 * Every place that a step may change, and every command that it may run. A change that comes from a
 * file, a plan or a journal, is never outside of it, no matter what wrote the file.
 * test/plan/steps/every.test.ts shows that every step stays inside.
 */
const VALUES = [
  /^\/proc\/irq\/(\d+\/(smp|effective)_affinity(_list)?|default_smp_affinity)$/,
  /^\/proc\/sys\/(kernel|net|vm)\//,
  /^\/sys\/(block|bus|class|devices|module)\//,
  /^\/sys\/fs\/(cgroup|resctrl)\//,
  // Not /sys/kernel as a whole: core dumps and uevents start a program there.
  /^\/sys\/kernel\/(irq|mm|debug\/(sched|x86|rcu|workqueue))\//,
]

/** Below /proc/sys, these make the kernel start a program, or load one. */
const STARTERS = /^\/proc\/sys\/kernel\/(core_pattern|modprobe|hotplug|poweroff_cmd|usermodehelper|modules_)/

/** The partitions with the files of boot loaders (src/boot/systemd-boot.ts, BOOT_FOLDERS). */
const BOOT = '(/boot|/efi|/boot/efi)'
const FILES = [
  /^\/etc\/systemd\/system\/isolctl\.service$/,
  /^\/etc\/systemd\/system\/irqbalance\.service\.d(\/60-isolctl\.(conf|env))?$/,
  /^\/etc\/default\/grub(\.d(\/zz-isolctl\.cfg)?)?$/,
  /^\/etc\/kernel\/cmdline$/,
  new RegExp(`^${BOOT}/loader/(loader\\.conf|entries/[^/]+\\.conf)$`),
  /^\/boot\/grub2?\/grub(\.cfg|env)$/,
  /^\/sys\/fs\/cgroup\//,
]

const GRUB = (name: string) => new RegExp(`^(/usr)?/s?bin/grub2?-${name}$`)
const MKCONFIG = GRUB('mkconfig')
const CHECK = GRUB('script-check')
const EDITENV = GRUB('editenv')

const COMMANDS: readonly RegExp[] = [
  /^systemctl daemon-reload$/,
  /^systemctl try-restart irqbalance\.service$/,
  /^systemctl (en|dis)able isolctl\.service$/,
  /^systemctl set-property --runtime [\w:@.\\-]+\.(slice|scope|service) AllowedCPUs=[\d,-]*$/,
]

const any = (patterns: readonly RegExp[], text: string) => patterns.some((pattern) => pattern.test(text))

/** Words that could be split or joined differently are outside, so that a command reads as it runs. */
const isCommand = (argv: readonly string[]) =>
  argv.every((word) => /^\S+$/.test(word)) &&
  (any(COMMANDS, argv.join(' ')) || (argv.length === 1 && MKCONFIG.test(argv[0] ?? '')))

/** What no step of isolctl does, in one line; undefined for a change that a step may plan. Pure. */
export function outOfBounds(change: Change): string | undefined {
  const where = (path: string) => `no step of isolctl writes ${path}`
  switch (change.kind) {
    case 'affinity':
      return undefined
    case 'set':
      for (const path of [change.path, change.effective ?? change.path])
        if (!any(VALUES, path) || STARTERS.test(path)) return where(path)
      return undefined
    case 'file':
    case 'folder':
      return any(FILES, change.path) ? undefined : where(change.path)
    case 'grubenv':
      if (!EDITENV.test(change.editenv)) return `no step of isolctl runs ${change.editenv}`
      return any(FILES, change.path) ? undefined : where(change.path)
    case 'run': {
      const foreign = [change.argv, change.undo].find((argv) => argv !== null && !isCommand(argv))
      if (foreign) return `no step of isolctl runs ${foreign.join(' ')}`
      if (change.into === undefined) return undefined
      const {path, check} = change.into
      if (check.length !== 1 || !CHECK.test(check[0])) return `no step of isolctl runs ${check.join(' ')}`
      return any(FILES, path) ? undefined : where(path)
    }
  }
}

/** The first change of a list that is out of bounds, as `subject: reason`. Pure. */
export function firstOutOfBounds(changes: readonly Change[]): string | undefined {
  for (const change of changes) {
    const why = outOfBounds(change)
    if (why !== undefined) return `${subjectOf(change)}: ${why}`
  }
  return undefined
}
