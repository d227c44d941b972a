// SPDX-License-Identifier: MIT

import type {Rung} from './cause.ts'

export const machineCheck: Rung = ({count}) =>
  count('machine-check') > 0
    ? {
        id: 'machine-check',
        concern: 'nmi',
        label: 'machine check',
        sentence: 'the hardware reported errors (machine check interrupts)',
        remedy: {text: 'the kernel log names the errors', command: 'dmesg --level=err,warn'},
        explains: ['machine-check'],
      }
    : undefined

export const nmi: Rung = ({watch: {cpu}, count}, {watchdog}) =>
  count('nmi', 'perf') === 0
    ? undefined
    : watchdog?.nmi && watchdog.cpus.has(cpu)
      ? {
          id: 'hard-lockup-watchdog',
          concern: 'nmi',
          label: 'NMI watchdog',
          sentence: 'the hard lockup detector counts cycles on the CPU',
          remedy: {
            text: 'keep it off the isolated CPUs until reboot, or boot with nmi_watchdog=0',
            step: 'watchdog-cpumask',
          },
          explains: ['nmi', 'perf'],
        }
      : {
          id: 'perf-event',
          concern: 'nmi',
          label: 'NMI',
          sentence: 'performance counters or another source of NMIs are active on the CPU, source unknown',
          remedy: {text: 'stop profilers that count on every CPU (perf, eBPF agents)'},
          explains: ['nmi', 'perf'],
        }
