// SPDX-License-Identifier: MIT
const CPUS = 512
const IRQS = 4096
const CPU = '/sys/devices/system/cpu'

export const LARGE = {isolated: '8-511', housekeeping: '0-7', irqs: IRQS} as const

/**
 * A machine of 512 CPUs with 4096 interrupts that may go to every CPU, and with settings for each
 * CPU.
 */
export function largeFiles(): Record<string, string> {
  const [list, mask] = [
    `0-${CPUS - 1}`,
    Array(CPUS / 32)
      .fill('ffffffff')
      .join(','),
  ]
  const files: Record<string, string> = {
    [`${CPU}/online`]: `${list}\n`,
    [`${CPU}/possible`]: `${list}\n`,
    [`${CPU}/present`]: `${list}\n`,
    [`${CPU}/isolated`]: '\n',
    '/proc/irq/default_smp_affinity': `${mask}\n`,
    '/proc/1/task/1/status': `Name:\tsystemd\nCpus_allowed_list:\t${list}\n`,
    '/proc/1/task/1/stat': `1 (systemd) S ${Array(60).fill('0').join(' ')}\n`,
    '/proc/net/route': 'Iface\tDestination\n',
    '/proc/sys/kernel/osrelease': '6.12.117\n',
    '/proc/sys/kernel/random/boot_id': 'boot\n',
    '/proc/sys/kernel/timer_migration': '1\n',
    '/proc/sys/kernel/numa_balancing': '1\n',
    '/proc/sys/vm/stat_interval': '1\n',
    '/proc/sys/vm/compaction_proactiveness': '20\n',
    '/sys/devices/virtual/workqueue/cpumask': `${mask}\n`,
  }
  for (let cpu = 0; cpu < CPUS; cpu++) {
    files[`${CPU}/cpu${cpu}/power/pm_qos_resume_latency_us`] = '0\n'
    files[`${CPU}/cpufreq/policy${cpu}/scaling_governor`] = 'powersave\n'
    files[`${CPU}/cpufreq/policy${cpu}/scaling_available_governors`] = 'performance powersave\n'
    files[`${CPU}/cpufreq/policy${cpu}/affected_cpus`] = `${cpu}\n`
    files[`/sys/kernel/debug/sched/fair_server/cpu${cpu}/runtime`] = '50000000\n'
  }
  for (let irq = 0; irq < IRQS; irq++) {
    files[`/proc/irq/${irq}/smp_affinity_list`] = `${list}\n`
    files[`/proc/irq/${irq}/effective_affinity_list`] = `${irq % CPUS}\n`
    files[`/sys/kernel/irq/${irq}/actions`] = `nvme${irq >> 6}q${irq & 63}\n`
    files[`/sys/kernel/irq/${irq}/chip_name`] = 'PCI-MSIX\n'
    files[`/sys/kernel/irq/${irq}/name`] = 'edge\n'
  }
  return files
}
