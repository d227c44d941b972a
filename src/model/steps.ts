// SPDX-License-Identifier: MIT

/**
 * The ids of the steps of `isolctl apply`, in the order of src/plan/registry.ts, which a test compares with this list.
 * The remedies of checks name steps, and checks are below the plan.
 */
export const STEP_IDS = [
  'irqbalance-ban',
  'irq-affinity',
  'rps-xps',
  'workqueue-cpumask',
  'workqueue-sysfs-cpumasks',
  'kthread-affinity',
  'rcu-kthreads',
  'watchdog-cpumask',
  'vmstat-interval',
  'mce-poll',
  'timer-migration',
  'memory-daemons',
  'rt-throttle',
  'fair-server',
  'cpufreq',
  'idle-states',
  'pm-qos',
  'cpuset-partition',
  'systemd-slices',
  'smt-siblings',
  'management-nic',
  'boot-arguments',
  'persistence',
] as const

export type StepId = (typeof STEP_IDS)[number]
