// SPDX-License-Identifier: MIT
/**
 * The expected results of preflight on a quiet machine with one disturbance: on the machine itself,
 * and on its capture.
 */

/** Check to status, for checks that do not pass. */
export type Amiss = Readonly<Record<string, string>>

export interface Injection {
  /** Exactly these checks report it. */
  readonly amiss: Amiss
  /** One of them, and its message. */
  readonly id: string
  readonly says: RegExp
  /** The part after the remedy. */
  readonly after: string
}

/**
 * All disturbances of guest/inject.ts for a well-booted machine, in an order in which none affects
 * another.
 */
export const SCENARIOS: readonly string[] = [
  ...['quiet', 'irq', 'kthread', 'task', 'visitor', 'second', 'fairServer', 'tracer', 'workqueue'],
  ...['watchdog', 'irqbalance', 'partition'],
]

/**
 * A list that is too short, a misspelt argument, an unknown flag, a duplicate; for CPUs 2 and 3 of
 * four.
 */
export const BAD_BOOT_ARGUMENTS: readonly string[] = [
  ...['isolcpus=domain,managed_irq,2-3', 'nohz_full=3', 'nohz_ful=2', 'rcu_nocbs=2', 'rcu_nocbs=3'],
  ...['isolcpus=managedirq,domain,2-3', 'irqaffinity=0-1', 'nowatchdog', 'tsc=reliable'],
]

interface Judged {
  readonly checks: readonly {readonly id: string; readonly status: string}[]
}

/** The only warning of a quiet machine is that the lab is a virtual machine. Pure. */
export const amissIn = ({checks}: Judged): Record<string, string> =>
  Object.fromEntries(
    checks
      .filter(({id, status}) => id !== 'virt-guest' && status !== 'ok' && status !== 'skip')
      .map(({id, status}) => [id, status]),
  )

/** The disturbances that are visible without a measurement, by the name of the part. */
export const INJECTIONS: Readonly<Record<string, Injection>> = {
  'irq pinned': {
    amiss: {
      'irq-affinity-requested': 'fail',
      'irq-affinity-effective': 'fail',
      // The kernel reports managed interrupts in debugfs only, and this kernel is built without it.
      'irq-managed-queues': 'unknown',
    },
    id: 'irq-affinity-effective',
    says: /irq \d+ \(ttyS0\): delivered to CPU 3/,
    after: 'irq moved',
  },
  'kthread allowed': {
    amiss: {'kthread-unbound-affinity': 'warn'},
    id: 'kthread-unbound-affinity',
    says: /kthreadd \[2\]: could run on CPU 2-3/,
    after: 'kthread moved',
  },
  'task allowed': {
    amiss: {'stray-tasks-allowed': 'warn'},
    id: 'stray-tasks-allowed',
    says: /sleep \[\d+\]: could run on CPU 2/,
    after: 'task moved',
  },
  traced: {
    amiss: {'tracing-off': 'warn'},
    id: 'tracing-off',
    says: /1 events are on/,
    after: 'not traced',
  },
  'tracer on': {
    amiss: {'tracing-off': 'warn'},
    id: 'tracing-off',
    says: /the tracer timerlat is on/,
    after: 'tracer off',
  },
  'workqueue open': {
    amiss: {'wq-unbound-cpumask': 'fail', 'wq-sysfs-cpumasks': 'fail'},
    id: 'wq-unbound-cpumask',
    says: /the mask includes CPU 2-3/,
    after: 'workqueue closed',
  },
  'soft lockup watchdog': {
    amiss: {'softlockup-mask': 'fail', 'hrtimers-on-core': 'warn'},
    id: 'softlockup-mask',
    says: /the soft lockup detector runs on CPU 2-3/,
    after: 'soft lockup watchdog off',
  },
  'irqbalance configured wrong': {
    amiss: {'irqbalance-state': 'fail'},
    id: 'irqbalance-state',
    says: /irqbalance \[\d+\]: uses CPU 2-3/,
    after: 'irqbalance configured right',
  },
  'partition invalid': {
    amiss: {'partition-valid': 'fail', 'partition-vs-isolcpus': 'fail'},
    id: 'partition-valid',
    says: /it is not isolated: partition config conflicts with housekeeping setup/,
    after: 'partition gone',
  },
}

/** Captured while a measurement was needed to see it: the results of the capture alone. */
export const CAPTURED: Readonly<Record<string, Amiss>> = {
  quiet: {},
  'task runs': {'stray-tasks-allowed': 'warn'},
  'fair server': {'fair-server': 'fail'},
  'bad boot arguments': {
    'cmdline-kernel-warnings': 'fail',
    'cmdline-misread': 'fail',
    'cmdline-duplicates': 'fail',
    'nohz-full-effective': 'fail',
    // Consequences for CPU 2.
    'rcu-nocbs-effective': 'fail',
    'kernel-task-isolation-abi': 'fail',
    'kthread-unbound-affinity': 'warn',
  },
  ...Object.fromEntries(Object.entries(INJECTIONS).map(([name, {amiss}]) => [name, amiss])),
}
