// SPDX-License-Identifier: MIT

import type {Rung} from './cause.ts'

export const tlb: Rung = ({count}) =>
  count('tlb') === 0
    ? undefined
    : {
        id: 'tlb-shootdown',
        concern: 'ipi',
        label: 'TLB shootdown',
        sentence:
          'another CPU invalidated its TLB: memory was unmapped or protected, of the kernel or of this program',
        remedy: {text: 'stop what unmaps memory: vfree, module unloading, other threads of the same program'},
        explains: ['tlb', 'call'],
      }

export const functionCall: Rung = ({count}) =>
  count('call') === 0
    ? undefined
    : {
        id: 'function-call',
        concern: 'ipi',
        label: 'function call IPI',
        sentence:
          'another CPU called a function on it, sender unknown: tracing, BPF, module loading and CPU hotplug do this',
        remedy: {text: 'stop tracers, and load no module or BPF program while the CPU is in use'},
        explains: ['call'],
      }

export const irqWork: Rung = ({count}) =>
  count('irq-work') === 0
    ? undefined
    : {
        id: 'irq-work',
        concern: 'ipi',
        label: 'irq_work',
        sentence: 'was queued to the CPU, sender unknown: a change of its tick dependencies does this',
        remedy: {text: 'look for timers, perf events and tasks that come and go on the CPU'},
        explains: ['irq-work'],
      }

export const resched: Rung = ({count}) =>
  count('resched') === 0
    ? undefined
    : {
        id: 'resched-ipi',
        concern: 'ipi',
        label: 'reschedule IPI',
        sentence: 'another CPU asked it to reschedule, and nothing else ran, sender unknown',
        explains: ['resched'],
      }
