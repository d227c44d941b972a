// SPDX-License-Identifier: MIT
import {z} from 'zod'
import {CpuSet} from '../lib/cpuset.ts'
import {parsePolicy} from './policy.ts'

/** A cpulist in YAML: `2-3` is text, but a lone `2` is a number. */
const cpulist = z.union([z.string(), z.number().int().nonnegative()]).transform((value, context) => {
  try {
    return CpuSet.parse(String(value))
  } catch (error) {
    context.addIssue({code: 'custom', message: (error as Error).message})
    return z.NEVER
  }
})

const policy = z.string().transform((text, context) => {
  try {
    return parsePolicy(text)
  } catch (error) {
    context.addIssue({code: 'custom', message: (error as Error).message})
    return z.NEVER
  }
})

/** /etc/isolctl/config.yaml. Every key is optional; an unknown key is an error, because it is a typing error. */
export const ConfigSchema = z.strictObject({
  isolated: cpulist.optional().describe('CPUs to isolate, as a cpulist: 2-7,10'),
  housekeeping: cpulist
    .optional()
    .describe('CPUs that keep the system running; default: every online CPU that is not isolated'),
  policy: policy
    .optional()
    .describe('scheduling policy of the isolated programs: other, or fifo:1 to fifo:99'),
  steps: z
    .strictObject({
      also: z.array(z.string()).optional().describe('steps to take that are taken on request only'),
      never: z.array(z.string()).optional().describe('steps not to take'),
    })
    .optional()
    .describe('which steps apply takes, by the ids that plan shows'),
  devices: z
    .array(
      z.string().regex(/^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/, 'not a PCI address like 0000:03:00.0'),
    )
    .optional()
    .describe('PCI devices that the isolated programs drive themselves, as with DPDK'),
  hugepages: z
    .partialRecord(z.enum(['64K', '2M', '32M', '512M', '1G', '16G']), z.number().int().nonnegative())
    .optional()
    .describe('huge pages that must be free on the NUMA nodes of the isolated CPUs, by size'),
})

export type Config = z.output<typeof ConfigSchema>
