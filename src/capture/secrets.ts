// SPDX-License-Identifier: MIT
import {parseCmdline, splitWords} from '../boot/cmdline.ts'
import {foreignArguments} from '../boot/known.ts'
import {parseJson} from '../lib/files.ts'
import {JOURNAL} from '../model/journal.ts'
import {keptOf} from './kept.ts'

/** Called once for each thing that is redacted. */
export type Count = (
  kind:
    | 'boot arguments'
    | 'passwords'
    | 'comments'
    | 'kernel log lines'
    | 'user names'
    | 'files of other programs',
) => void

const REDACTED = 'REDACTED'

/**
 * The boot arguments whose values are kept: those of the kernel's scheduling, time, power and memory.
 * Every other value may be a password, a token or a key (rd.iscsi.password=).
 */
const KEPT = new Set(
  `BOOT_IMAGE acpi amd_iommu amd_pstate apparmor audit cgroup_disable cgroup_no_v1 clocksource console cpufreq.default_governor
  cpuidle.governor cpuidle.off crashkernel default_hugepagesz efi hpet hugepages hugepagesz idle init intel_idle.max_cstate
  intel_iommu intel_pstate iommu irqaffinity isolcpus isolctl.trial kthread_cpus loglevel lsm maxcpus mce mitigations
  nmi_watchdog nohz nohz_full nosmt nr_cpus numa_balancing panic pci pcie_aspm possible_cpus preempt processor.max_cstate
  rcu_nocbs security selinux skew_tick softlockup_panic systemd.cpu_affinity systemd.unified_cgroup_hierarchy
  transparent_hugepage tsc vfio_pci.ids watchdog_thresh workqueue.unbound_cpus`.split(/\s+/),
)
const KEPT_PREFIX = /^(rcutree|rcupdate|workqueue|kvm|intel_idle|processor|cpuidle)\./
/** Arguments without a value. */
const FLAGS = new Set(
  `debug emergency nofb nohpet nomodeset noapic nolapic noresume nosoftlockup nosplash nowatchdog quiet rcu_nocb_poll rescue
  rhgb ro rw single splash text threadirqs -- -`.split(/\s+/),
)

const plainName = (name: string) => name.replaceAll('-', '_')

/** One boot argument without its secret. A misspelt argument of isolation stays, for the checks. */
function argument(word: string, count: Count): string {
  const bare = word.replace(/^"(.*)"$/s, '$1')
  const [, name = bare, value] = /^([\w.:-]+)=(.*)$/s.exec(bare) ?? []
  const known = KEPT.has(plainName(name)) || KEPT.has(name) || KEPT_PREFIX.test(name)
  const misspelt = () => foreignArguments(parseCmdline(bare), undefined).length > 0
  if (value === undefined ? FLAGS.has(name) || known || misspelt() : known || misspelt()) return word
  count('boot arguments')
  return value === undefined ? sameLength(word) : `${name}=${sameLength(word.slice(name.length + 1))}`
}

/** The length stays, because the kernel cuts a command line that is too long, and a check says so. */
const sameLength = (secret: string) => REDACTED.padEnd(secret.length, '_').slice(0, secret.length)

/** A line of boot arguments, with its blanks. Pure, but for `count`. */
function argumentsOf(line: string, count: Count): string {
  let [at, out] = [0, '']
  for (const word of splitWords(line)) {
    const found = line.indexOf(word, at)
    out += line.slice(at, found) + argument(word, count)
    at = found + word.length
  }
  return out + line.slice(at)
}

/** Where boot arguments stand in the files of boot loaders; the second group is the arguments. */
const OPTIONS = /^([ \t]*options\s+)(.*)$/gm
/** Xen is loaded as multiboot, and the kernel as its module (GRUB manual, "multiboot", "module"). */
const LINUX = /^(\s*(?:linux(?:16|efi)?|multiboot2?|module2?|kernel)(?:[ \t]+--[\w-]+)*[ \t]+\S+)(.*)$/gm
/** A line that one of both matches. */
const OF_ARGUMENTS = /^\s*(?:options|linux(?:16|efi)?|multiboot2?|module2?|kernel)\s/
/** What boot_loader passwords look like (GRUB manual, "Authentication and authorisation"). */
const GRUB_PASSWORD = /^(\s*)(password(?:_pbkdf2)?|set superusers)\b.*$|grub\.pbkdf2\.\S+/gm

const ARGUMENTS_ONLY = /^\/(proc|etc\/kernel)\/cmdline$/
/** An ESP may be mounted anywhere. */
const OF_LOADER =
  /^\/(boot(?!\/config-)|efi)\/|^\/etc\/(default\/grub|grub2?(-efi)?\.cfg$)|\/(grub\.cfg|loader\/(loader|entries\/[^/]+)\.conf)$/
/** Comments, but for those with a meaning: those of isolctl, the sections of grub.cfg, and the program of a script. */
const COMMENT = /^(\s*)#(?! Written by isolctl|## (?:BEGIN|END) |#*$|(?<![\s\S]#)!)(.*)$/gm
/** A comment at the end of a line, outside of quotes. */
const TRAILING = /^((?:[^'"#\n]|"[^"\n]*"|'[^'\n]*')*[ \t])#(?! Written by isolctl| ?REDACTED$).*$/gm
const GRUBENV_SIZE = 1024

/** Settings that say how a menu is made, and hold no secret. */
const PLAIN =
  /^(GRUB_(DEFAULT|TIMEOUT\w*|DISTRIBUTOR|TERMINAL\w*|SAVEDEFAULT|ENABLE_BLSCFG|DISABLE_\w+|HIDDEN_\w+)|default|timeout\w*|fallback|root|prefix|menu\w*|next_entry|saved_entry|prev_saved_entry|boot_\w+|recordfail|feature_\w+|have_\w+|linux_gfx_mode|gfx\w*|locale_dir|lang|initrd_\w+|tuned_initrd|early_initrd|vmlinuz_\w+)$/
const SETTING = /^(\s*(?:set\s+|export\s+)?([A-Za-z_]\w*)\+?=)(.*)$/
/** Keys of entries of the Boot Loader Specification, and commands of GRUB, after which there may be anything. */
const FREE =
  /^(\s*(?:grub_users|grub_arg|grub_class|machine-id|echo|printf|eval|authenticate|chainloader|cryptomount|hdparm|set\s+superusers))\b.*$/
/** The shell text of /etc/default/grub is more than settings: what is none is taken for boot arguments. */
const SHELL = /^\/etc\/default\/grub/

/**
 * The value of a setting, which may be boot arguments under any name: TuneD has them in tuned_params. A
 * quote may be left open, for the next line.
 */
function ofValue(value: string, count: Count): string {
  const [, quote = '', quoted = '', after = ''] =
    /^(["'])(.*)\1(\s*(?:#.*)?)$/.exec(value) ?? /^(["'])([^"']*)$/.exec(value) ?? []
  if (quote === '') return argumentsOf(value, count)
  const end = after.replace(/#.*/, () => {
    count('comments')
    return `#${REDACTED}`
  })
  return quote + argumentsOf(quoted, count) + (value.length > quoted.length + 1 ? quote + end : '')
}

/** A line that is not one of boot arguments. */
function ofSettings(line: string, shell: boolean, count: Count): string {
  if (OF_ARGUMENTS.test(line) || /^\s*(#|$)/.test(line)) return line
  const hidden = (kept: string) => {
    count('passwords')
    return `${kept}${REDACTED}`
  }
  const [, head = '', name = '', value = ''] = SETTING.exec(line) ?? []
  // A line of shell text may go on with the arguments of the line before.
  const goesOn = shell && /^\s*[a-z]/.test(line) && head.trimStart().startsWith(name)
  if (name !== '' && !goesOn) return PLAIN.test(name) ? line : head + ofValue(value, count)
  const free = FREE.exec(line)?.[1]
  if (free !== undefined) return hidden(`${free} `)
  if (/--users\s/.test(line)) return line.replace(/(--users\s+)\S+/g, (_, flag: string) => hidden(flag))
  return shell ? argumentsOf(line, count) : line
}

function ofLoader(path: string, text: string, count: Count): string {
  const settled = text
    .split('\n')
    .map((line) => ofSettings(line, SHELL.test(path), count))
    .join('\n')
  return argumentLines(settled, count)
}

function argumentLines(text: string, count: Count): string {
  const inLine = (_: string, head: string, line: string) => head + argumentsOf(line, count)
  return text
    .replaceAll(GRUB_PASSWORD, (_, blank: string | undefined) => {
      count('passwords')
      return blank === undefined ? REDACTED : `${blank}# ${REDACTED}`
    })
    .replaceAll(OPTIONS, inLine)
    .replaceAll(LINUX, inLine)
}

/** A grubenv keeps its size, which GRUB requires. */
const padded = (text: string) =>
  `${text.replace(/#*$/, '')}${'#'.repeat(GRUBENV_SIZE)}`.slice(0, GRUBENV_SIZE)

/** What facts look for in the kernel log. Other lines name serial numbers, users and addresses. */
const LOG =
  /^(?:<\d+>)?(?:\[[ \d.]+\] )?(?:Linux version |(?:Kernel )?[Cc]ommand line: |Unknown kernel command line parameters |.*(?:Housekeeping: |isolcpus: |nocbs|NO_HZ: |workqueue: Restricting |Offload RCU callbacks|smpboot: CPU \d+ is now offline|psci: CPU\d+ killed))/

function ofLog(text: string, count: Count): string {
  const lines = text.split('\n').filter((line) => {
    const kept = line === '' || LOG.test(line)
    if (!kept) count('kernel log lines')
    return kept
  })
  return lines
    .join('\n')
    .replaceAll(
      /^(.*(?:Kernel )?[Cc]ommand line: )(.*)$/gm,
      (_, head: string, line: string) => head + argumentsOf(line, count),
    )
    .replaceAll(
      /(Unknown kernel command line parameters ")(.*)(", will be passed)/g,
      (_, head: string, line: string, tail: string) => head + argumentsOf(line, count) + tail,
    )
    .replaceAll(/\([^\s()@]+@/g, () => {
      count('user names')
      return `(${REDACTED}@`
    })
}

/** A home directory is named after its owner, and so is where the desktop mounts. */
const HOME = /(\/(?:home|media|run\/user)\/)([^/\s:"']+)/g

/**
 * The contents of a file without what is nobody's business: by an allow list where secrets can be
 * anything, as in boot arguments and in the kernel log. Pure, but for `count`.
 */
export function withoutSecrets(path: string, text: string, count: Count): string {
  const ofOthers = keptOf(path, text)
  if (ofOthers !== undefined) {
    if (ofOthers !== text) count('files of other programs')
    return withoutHomes(ofOthers, count)
  }
  let kept = text
  if (path === '/var/log/dmesg') kept = ofLog(kept, count)
  else if (ARGUMENTS_ONLY.test(path)) kept = argumentsOf(kept, count)
  else if (/\/grubenv$/.test(path)) kept = padded(ofLoader(path, kept, count))
  else if (path === JOURNAL) kept = ofJournal(kept, count)
  else if (OF_LOADER.test(path)) kept = ofLoader(path, kept, count)
  if (path.startsWith('/etc/') || path.endsWith('.yaml') || OF_LOADER.test(path))
    if (!path.endsWith('/grubenv'))
      kept = kept
        .replaceAll(COMMENT, (_, blank: string) => {
          count('comments')
          return `${blank}# ${REDACTED}`
        })
        .replaceAll(TRAILING, (_, head: string) => {
          count('comments')
          return `${head}# ${REDACTED}`
        })
        .replaceAll(/( )# .*$/gm, (whole, blank: string) => {
          if (whole === ` # ${REDACTED}`) return whole
          count('comments')
          return `${blank}# ${REDACTED}`
        })
  return withoutHomes(kept, count)
}

const withoutHomes = (text: string, count: Count): string =>
  text.replaceAll(HOME, (_, head: string) => {
    count('user names')
    return head + REDACTED
  })

/** The journal has the contents of files before and after a change: each as the file itself. */
function ofJournal(text: string, count: Count): string {
  const clean = (path: string, contents: unknown) =>
    typeof contents === 'string' ? withoutSecrets(path, contents, count) : contents
  return text
    .split('\n')
    .map((line) => {
      if (line === '') return line
      const entry = parseJson(line) as {change?: Record<string, unknown>} | undefined
      if (typeof entry !== 'object' || entry === null) return REDACTED // damaged, and it stays so
      const {change} = entry
      if (change === undefined || typeof change['path'] !== 'string') return line
      const path = change['kind'] === 'grubenv' ? '/proc/cmdline' : change['path']
      return JSON.stringify({
        ...entry,
        change: {...change, from: clean(path, change['from']), to: clean(path, change['to'])},
      })
    })
    .join('\n')
}

/**
 * A component of a path or of a cgroup that may hold the name of a person: everything below
 * user.slice, and the instance of a template unit. `standIn` gives the same word for the same name.
 */
export function withoutPeople(path: string, standIn: (name: string) => string): string {
  return path
    .replaceAll(
      /(\/user\.slice\/)(.+)/g,
      (_, head: string, rest: string) =>
        head +
        rest
          .split('/')
          .map((part) =>
            /^(cgroup|cpuset|cpu|memory|pids|io)\.[\w.]+$/.test(part)
              ? part
              : part.replace(
                  /^(.*?)(\.(?:slice|scope|service|socket))?$/,
                  (_whole, name: string, kind = '') => `${standIn(name)}${kind}`,
                ),
          )
          .join('/'),
    )
    .replaceAll(
      /@([^/@]+)(\.(?:service|slice|socket|scope))/g,
      (_, name: string, kind: string) => `@${standIn(name)}${kind}`,
    )
    .replaceAll(MOUNT_UNIT, (_, head: string, name: string, kind: string) => `${head}${standIn(name)}${kind}`)
    .replaceAll(UNIT_FILE, (whole, folder: string, name: string, kind: string) =>
      OUR_UNITS.test(name) ? whole : `${folder}${standIn(name)}${kind}`,
    )
    .replaceAll(HOME, (_, head: string, name: string) => head + standIn(name))
}

/** "home-alice.mount": systemd names such a unit after its path. */
const MOUNT_UNIT = /(\/(?:home|media|run-media|run-user)-)([^/]+)(\.(?:mount|automount|swap))/g
/** The administrator's units. Facts look for those of isolctl, irqbalance and fwupd. */
const UNIT_FILE =
  /(\/systemd\/system\/(?:timers\.target\.wants\/)?)([^/@]+)(\.(?:service|timer|mount|automount|swap|socket|path|target|slice|scope))(?=$|\/)/g
const OUR_UNITS = /^(isolctl|irqbalance|fwupd)/
