// SPDX-License-Identifier: MIT
import {fairServer as fact, fairServerPath} from '../../facts/fair-server.ts'
import {settings} from '../../facts/settings.ts'
import {panicOnWarn} from '../../facts/sysctls.ts'
import type {Change} from '../change.ts'
import {defineStep} from '../step.ts'

export const fairServer = defineStep({
  id: 'fair-server',
  check: 'fair-server',
  title: ({isolated}) => `Turn the fair server off on CPUs ${isolated}`,
  blast:
    'a real-time program there that never sleeps starves whatever else is bound to its CPU; the kernel logs a warning',
  facts: {settings, fairServer: fact, panicOnWarn},
  plan({settings: {isolated, policy}, fairServer, panicOnWarn}) {
    // A lone SCHED_FIFO program does not meet it, and whatever shares the CPU with it may need it.
    if (fairServer === undefined || policy.kind === 'fifo') return {changes: []}
    const changes = [...isolated].flatMap((cpu): Change[] => {
      const runtime = fairServer.get(cpu)
      if (runtime === undefined) throw new Error(`${fairServerPath(cpu)} does not exist`)
      return runtime === 0 ? [] : [{kind: 'set', path: fairServerPath(cpu), from: `${runtime}`, to: '0'}]
    })
    // 6.12 warns once when the server of an idle CPU is stopped (kernel/sched/deadline.c: task_non_contending).
    if (panicOnWarn && changes.length > 0)
      throw new Error('the kernel may log a warning at this change, and panic_on_warn is set')
    return {changes}
  },
})
