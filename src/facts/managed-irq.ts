// SPDX-License-Identifier: MIT
import {isolationOf} from '../boot/isolation.ts'
import type {CpuSet} from '../model/cpuset.ts'
import {cmdline} from './cmdline.ts'
import {possible} from './cpus.ts'
import {defineFact} from './fact.ts'
import {kernel} from './kernel.ts'

/**
 * CPUs that managed interrupts avoid since the boot (isolcpus=managed_irq), from the boot arguments:
 * the kernel has no file for it.
 */
export const managedIrqAtBoot = defineFact<CpuSet>('managed-irq', async (_host, get) => {
  const count = Math.max(...(await get(possible))) + 1
  return isolationOf(await get(cmdline), {count, kernel: await get(kernel)}).managedIrq
})
