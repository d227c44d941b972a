// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {cpulist} from './cpulist.ts'
import {CheckResult, Summary} from './preflight.ts'

/** What `isolctl lint --json` prints. */
export const LintSchema = z.strictObject({
  schema: z.literal('isolctl.lint/1'),
  kernel: z.string(),
  cpus: cpulist.describe('the CPUs of the machine'),
  cmdline: z.string(),
  isolated: cpulist.describe('the CPUs that were judged: --isolated, or those that the arguments isolate'),
  effective: z
    .strictObject({
      domain: cpulist.describe('taken out of load balancing'),
      nohzFull: cpulist.describe('the tick may stop'),
      managedIrq: cpulist.describe('avoided by managed interrupts'),
      unbound: cpulist.describe('kept free of unbound kernel work'),
      rcuNocbs: cpulist.describe('RCU callbacks are offloaded'),
      irqDefault: cpulist.describe('where new interrupts may be delivered'),
    })
    .describe('how this kernel would read the arguments'),
  ok: z.boolean(),
  summary: Summary,
  checks: z.array(CheckResult),
})

export type LintReport = z.output<typeof LintSchema>
