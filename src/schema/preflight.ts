// SPDX-License-Identifier: MIT
import * as z from 'zod'

const cpulist = z.string().describe('CPUs as the kernel writes them: "2-3,8"; empty: none')

const Remedy = z.strictObject({
  text: z.string(),
  command: z.string().optional().describe('to be run as root, as it stands'),
})

const Finding = z.strictObject({
  severity: z.enum(['fail', 'warn']),
  message: z.string().describe('what is the case'),
  subject: z.string().optional().describe('what it is about: "irq 24 (nvme0q3)", "fair server", a path'),
  cpus: cpulist.optional(),
  expected: z.string().optional(),
  actual: z.string().optional(),
  remedy: Remedy.optional(),
})

export const CheckResult = z.strictObject({
  id: z.string(),
  title: z.string().describe('the good case'),
  status: z.enum(['ok', 'warn', 'fail', 'skip', 'unknown']),
  ms: z.number().describe('how long it took, what it shares with earlier checks left out'),
  evidence: z.string().optional(),
  reason: z.string().optional().describe('why it was skipped, or could not be determined'),
  allowed: z.literal(true).optional().describe('failed, and --allow made it a warning'),
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
  interrupts: z.record(z.string(), z.number()).describe('row of /proc/interrupts to count, only what moved'),
  contextSwitches: z.number().optional(),
  stealMs: z.number().describe('taken by the hypervisor'),
  maxGapNs: z.number().optional().describe('longest time the spinner did not run'),
  gapsOver1us: z.number().optional(),
})

/** What `isolctl preflight --json` prints. Absent means absent. */
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
  policy: z.string().describe('"other" or "fifo:PRIO": what the spinners ran under'),
  window: z
    .strictObject({start: z.string().describe('ISO 8601, UTC'), ms: z.number(), spun: z.boolean()})
    .optional()
    .describe('when the CPUs were watched; absent when they were not'),
  ok: z.boolean().describe('nothing failed and nothing is unknown'),
  summary: Summary,
  cpus: z.strictObject({
    quiet: cpulist.describe('proven: watched under load, and nothing found'),
    disturbed: cpulist,
    unproven: cpulist.describe('nothing found, but not everything was measured'),
    unanswered: z
      .array(z.string())
      .optional()
      .describe('checks that a proof would have needed and that gave no answer'),
  }),
  measured: z.array(Spun).optional(),
  checks: z.array(CheckResult),
})

export type Report = z.output<typeof ReportSchema>
