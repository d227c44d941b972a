// SPDX-License-Identifier: MIT
import {fairServer as fact, fairServerPath} from '../../facts/fair-server.ts'
import {refused} from '../../facts/journal.ts'
import {settings} from '../../facts/settings.ts'
import {panicOnWarn} from '../../facts/sysctls.ts'
import type {Change} from '../../model/change.ts'
import {defineStep} from '../step.ts'

/**
 * EBUSY: when scheduling domains are rebuilt, as systemd has them, 6.12 forgets the share of every fair server in them,
 * and then finds that less than nothing would be left without this one (kernel/sched/deadline.c: dl_clear_root_domain,
 * __dl_overflow). A CPU that was isolated at boot is in no such domain.
 */
export const fairServer = defineStep({
  id: 'fair-server',
  check: 'fair-server',
  title: ({isolated}) => `Turn the fair server off on CPUs ${isolated}`,
  blast:
    'a real-time program there that never sleeps starves whatever else is bound to its CPU; the kernel logs a warning',
  facts: {settings, fairServer: fact, refused, panicOnWarn},
  plan({settings: {isolated, policy}, fairServer, refused, panicOnWarn}) {
    // A lone SCHED_FIFO program does not meet it, and whatever shares the CPU with it may need it.
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
    // 6.12 warns once when the server of an idle CPU is stopped (kernel/sched/deadline.c: task_non_contending).
    if (panicOnWarn && changes.length > 0)
      throw new Error('the kernel may log a warning at this change, and panic_on_warn is set')
    return {
      changes,
      notes: kept.map((cpu) => ({
        subject: fairServerPath(cpu),
        reason: 'the kernel keeps it on (EBUSY), until a boot that isolates the CPU',
      })),
    }
  },
})
