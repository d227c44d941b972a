// SPDX-License-Identifier: MIT
import {kernelLog} from '../facts/kernel-log.ts'
import {defineCheck} from './check.ts'

/** "smpboot: CPU 3 is now offline" on x86, "psci: CPU3 killed" on arm64. */
const OFFLINE = /(?:smpboot: CPU (\d+) is now offline|psci: CPU(\d+) killed)/g

export default defineCheck({
  id: 'hotplug-stable',
  title: 'no CPU has been taken offline since boot',
  why: 'To take a CPU offline or online stops all CPUs for a moment, and moves timers and interrupts. A power manager, a tuning tool or a hypervisor that did it once does it again.',
  values: 'How often a CPU went offline since boot, by the kernel log. The kernel stops all CPUs each time.',
  extended: true,
  facts: {kernelLog},
  judge({kernelLog}) {
    const cpus = [...kernelLog.matchAll(OFFLINE)].map(([, x86, arm]) => x86 ?? arm)
    if (cpus.length === 0) return []
    return [
      {
        severity: 'warn',
        subject: 'kernel log',
        message: `${cpus.length} times, last CPU ${cpus.at(-1)}`,
        expected: 'never while isolated programs run',
      },
    ]
  },
  remedy: {text: 'find what writes to /sys/devices/system/cpu/cpu*/online, and do it before programs start'},
  reference: 'Documentation/core-api/cpu_hotplug.rst',
})
