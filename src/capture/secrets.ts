// SPDX-License-Identifier: MIT
import {parseCmdline, splitWords} from '../boot/cmdline.ts'
import {foreignArguments} from '../boot/known.ts'

/** Called once for each thing that is redacted. */
export type Count = (
  kind: 'boot arguments' | 'passwords' | 'comments' | 'kernel log lines' | 'user names',
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
const OPTIONS = /^(options\s+)(.*)$/gm
const LINUX = /^(\s*linux(?:16|efi)?\s+\S+)(.*)$/gm
const VARIABLE = /^(\s*(?:set\s+)?(?:GRUB_CMDLINE\w*|kernelopts)=)(?:(["'])(.*?)\2|(.*)$)/gm
/** What boot_loader passwords look like (GRUB manual, "Authentication and authorisation"). */
const GRUB_PASSWORD = /^(\s*)(password(?:_pbkdf2)?|set superusers)\b.*$|grub\.pbkdf2\.\S+/gm

const ARGUMENTS_ONLY = /^\/(proc|etc\/kernel)\/cmdline$/
const OF_LOADER = /^\/(boot|efi)\/|^\/etc\/default\/grub/
/** Comments that have a meaning for isolctl: its own, and the sections of grub.cfg. */
const COMMENT = /^(\s*)#(?! Written by isolctl|## (?:BEGIN|END) |#*$|[!#])(.*)$/gm
const GRUBENV_SIZE = 1024

function ofLoader(text: string, count: Count): string {
  const inLine = (_: string, head: string, line: string) => head + argumentsOf(line, count)
  return text
    .replaceAll(GRUB_PASSWORD, (_, blank: string | undefined) => {
      count('passwords')
      return blank === undefined ? REDACTED : `${blank}# ${REDACTED}`
    })
    .replaceAll(OPTIONS, inLine)
    .replaceAll(LINUX, inLine)
    .replaceAll(
      VARIABLE,
      (_, head: string, quote = '', quoted: string | undefined, plain = '') =>
        head + quote + argumentsOf(quoted ?? plain, count) + quote,
    )
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

/** A home directory is named after its owner. */
const HOME = /(\/home\/)([^/\s:"']+)/g

/**
 * The contents of a file without what is nobody's business: by an allow list where secrets can be
 * anything, as in boot arguments and in the kernel log. Pure, but for `count`.
 */
export function withoutSecrets(path: string, text: string, count: Count): string {
  let kept = text
  if (path === '/var/log/dmesg') kept = ofLog(kept, count)
  else if (ARGUMENTS_ONLY.test(path)) kept = argumentsOf(kept, count)
  else if (/\/grubenv$/.test(path)) kept = padded(ofLoader(kept, count))
  else if (OF_LOADER.test(path)) kept = ofLoader(kept, count)
  if (path.startsWith('/etc/') || path.endsWith('.yaml') || OF_LOADER.test(path))
    if (!path.endsWith('/grubenv'))
      kept = kept
        .replaceAll(COMMENT, (_, blank: string) => {
          count('comments')
          return `${blank}# ${REDACTED}`
        })
        .replaceAll(/( )# .*$/gm, (whole, blank: string) => {
          if (whole === ` # ${REDACTED}`) return whole
          count('comments')
          return `${blank}# ${REDACTED}`
        })
  return kept.replaceAll(HOME, (_, head: string) => {
    count('user names')
    return head + REDACTED
  })
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
    .replaceAll(HOME, (_, head: string, name: string) => head + standIn(name))
}
