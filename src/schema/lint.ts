// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {CheckResult, Summary} from './preflight.ts'

const cpulist = z.string().describe('CPUs as the kernel writes them: "2-3,8"; empty: none')

/** What `isolctl lint --json` prints. */
export const LintSchema = z.strictObject({
  schema: z.literal('isolctl.lint/1'),
  kernel: z.string(),
  cpus: cpulist.describe('of the machine'),
  cmdline: z.string(),
  isolated: cpulist.describe('what was judged: --isolated, or what the arguments isolate'),
  effective: z
    .strictObject({
      domain: cpulist.describe('out of load balancing'),
      nohzFull: cpulist.describe('the tick may stop'),
      managedIrq: cpulist.describe('avoided by managed interrupts'),
      unbound: cpulist.describe('kept free of unbound kernel work'),
      rcuNocbs: cpulist.describe('RCU callbacks are offloaded'),
      irqDefault: cpulist.describe('where new interrupts may be delivered'),
    })
    .describe('what this kernel would make of the arguments'),
  ok: z.boolean(),
  summary: Summary,
  checks: z.array(CheckResult),
})

export type LintReport = z.output<typeof LintSchema>
