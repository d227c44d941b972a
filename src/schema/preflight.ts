// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {cpulist} from './cpulist.ts'

const Remedy = z.strictObject({
  text: z.string(),
  command: z.string().optional().describe('a command line for root, which can be run unchanged'),
})

const Finding = z.strictObject({
  severity: z.enum(['fail', 'warn']),
  message: z.string().describe('what was found'),
  subject: z
    .string()
    .optional()
    .describe('what the finding is about: "irq 24 (nvme0q3)", "fair server", a path'),
  cpus: cpulist.optional(),
  expected: z.string().optional(),
  actual: z.string().optional(),
  remedy: Remedy.optional(),
})

export const CheckResult = z.strictObject({
  id: z.string(),
  title: z.string().describe('describes the good case'),
  status: z.enum(['ok', 'warn', 'fail', 'skip', 'unknown']),
  ms: z
    .number()
    .describe('how long the check took, in milliseconds, without facts that earlier checks had read'),
  evidence: z.string().optional(),
  reason: z.string().optional().describe('why the check was skipped, or its result is unknown'),
  allowed: z.literal(true).optional().describe('the check failed, and --allow made the failure a warning'),
  findings: z.array(Finding).optional(),
  remedy: Remedy.optional(),
})

export const Summary = z.strictObject({
  ok: z.number(),
  warn: z.number(),
  fail: z.number(),
  skip: z.number(),
  unknown: z.number(),
})

const Spun = z.strictObject({
  cpu: z.number(),
  interrupts: z
    .record(z.string(), z.number())
    .describe('row of /proc/interrupts to its count; rows without a change are absent'),
  contextSwitches: z.number().optional(),
  stealMs: z.number().describe('time that the hypervisor took, in milliseconds'),
  maxGapNs: z
    .number()
    .optional()
    .describe('the longest time for which the spinner did not run, in nanoseconds'),
  gapsOver1us: z.number().optional(),
})

/** What `isolctl preflight --json` prints. A key is absent if there is no value. */
export const ReportSchema = z.strictObject({
  schema: z.literal('isolctl.report/1'),
  isolctl: z.string(),
  host: z.strictObject({
    name: z.string(),
    kernel: z.string().optional(),
    bootId: z.string().optional(),
    online: cpulist.optional(),
    isolated: cpulist,
    housekeeping: cpulist,
  }),
  policy: z.string().describe('the scheduling policy of the spinners: "other" or "fifo:PRIO"'),
  window: z
    .strictObject({start: z.string().describe('ISO 8601, UTC'), ms: z.number(), spun: z.boolean()})
    .optional()
    .describe('when the CPUs were watched; absent if they were not'),
  ok: z.boolean().describe('nothing failed and nothing is unknown'),
  summary: Summary,
  cpus: z.strictObject({
    quiet: cpulist.describe('proven quiet: watched under load, and nothing was found'),
    disturbed: cpulist,
    unproven: cpulist.describe('nothing was found, but not everything was measured'),
    unanswered: z
      .array(z.string())
      .optional()
      .describe('checks that the proof needs and that gave no answer'),
  }),
  measured: z.array(Spun).optional(),
  checks: z.array(CheckResult),
})

export type Report = z.output<typeof ReportSchema>
