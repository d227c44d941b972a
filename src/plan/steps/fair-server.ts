// SPDX-License-Identifier: MIT
import {fairServer as fact, fairServerPath} from '../../facts/fair-server.ts'
import {refused} from '../../facts/journal.ts'
import {settings} from '../../facts/settings.ts'
import {panicOnWarn} from '../../facts/sysctls.ts'
import type {Change} from '../../model/change.ts'
import {defineStep} from '../step.ts'

/**
 * EBUSY: when the scheduling domains are rebuilt, as systemd causes it, 6.12 clears the accounted
 * bandwidth of every fair server in them. It then computes a negative remainder without this one
 * (kernel/sched/deadline.c: dl_clear_root_domain, __dl_overflow). A CPU that was isolated at boot
 * is in no such domain.
 */
export const fairServer = defineStep({
  id: 'fair-server',
  check: 'fair-server',
  title: ({isolated}) => `Turn off the fair server on CPUs ${isolated}`,
  blast:
    'a real-time program that never sleeps starves all other tasks bound to its CPU; the kernel logs a warning',
  facts: {settings, fairServer: fact, refused, panicOnWarn},
  plan({settings: {isolated, policy}, fairServer, refused, panicOnWarn}) {
    // A single SCHED_FIFO program never triggers it, and other tasks on its CPU may need it.
    if (fairServer === undefined || policy.kind === 'fifo') return {changes: []}
    const running = [...isolated].filter((cpu) => {
      const runtime = fairServer.get(cpu)
      if (runtime === undefined) throw new Error(`${fairServerPath(cpu)} does not exist`)
      return runtime > 0
    })
    const kept = running.filter((cpu) => refused.has(fairServerPath(cpu)))
    const changes = running
      .filter((cpu) => !kept.includes(cpu))
      .map((cpu): Change => {
        const path = fairServerPath(cpu)
        return {kind: 'set', path, from: `${fairServer.get(cpu)}`, to: '0', refusable: 'busy'}
      })
    // 6.12 warns once when the server of an idle CPU is stopped (kernel/sched/deadline.c:
    // task_non_contending).
    if (panicOnWarn && changes.length > 0)
      throw new Error('the kernel may log a warning at this change, and panic_on_warn is set')
    return {
      changes,
      notes: kept.map((cpu) => ({
        subject: fairServerPath(cpu),
        reason: 'the kernel keeps it on (EBUSY) until the CPU is isolated at boot',
      })),
    }
  },
})
