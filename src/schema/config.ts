// SPDX-License-Identifier: MIT

import * as z from 'zod'
import {SINGLE} from '../boot/grub.ts'
import {nameOf, requirePlain} from '../boot/words.ts'
import {parseCpuWords} from '../model/cpu-words.ts'
import {parsePolicy} from '../model/policy.ts'
import {ISOLATIONS} from '../model/settings.ts'
import {WORKLOAD_KEYS, type WorkloadKey} from '../model/workload.ts'

/** Read text with `parse`. The message of an error that it throws becomes the issue of the key. */
const parsed =
  <T>(parse: (text: string) => T) =>
  (value: string | number, context: z.RefinementCtx): T => {
    try {
      return parse(String(value))
    } catch (error) {
      context.addIssue({code: 'custom', message: (error as Error).message})
      return z.NEVER
    }
  }

/** A set of CPUs in YAML: `2-3` is text, but `2` is a number. */
const cpus = z
  .union([z.string(), z.number().int().nonnegative()], {
    error: 'a set of CPUs is text: 2-7, or all but the first core of each node',
  })
  .transform(parsed(parseCpuWords))

const policy = z.string().transform(parsed(parsePolicy))

const bootArgument = z.string().superRefine((word, context) => {
  try {
    requirePlain([word])
  } catch (error) {
    context.addIssue({code: 'custom', message: (error as Error).message})
  }
  if (SINGLE.has(nameOf(word)))
    context.addIssue({code: 'custom', message: `${nameOf(word)} follows from "isolated" and "housekeeping"`})
})

const sets = {
  isolated: cpus
    .optional()
    .describe('CPUs to isolate: a list (2-7,10), or words (2-N, all but the first core of each node)'),
  housekeeping: cpus
    .optional()
    .describe('CPUs that keep the system running; default: every online CPU that is not isolated'),
}

const hostClass = z
  .strictObject({
    name: z.string().min(1).optional().describe('host name; * matches any text: edge-*'),
    cpus: z.number().int().positive().optional().describe('how many CPUs are online'),
    ...sets,
  })
  .refine(
    ({name, cpus}) => name !== undefined || cpus !== undefined,
    'say which hosts, with "name" or "cpus"',
  )

/** One entry of "workload": one key says how the program is found. */
const meant = z
  .strictObject(
    Object.fromEntries(WORKLOAD_KEYS.map((key) => [key, z.string().min(1).optional()])) as Record<
      WorkloadKey,
      z.ZodOptional<z.ZodString>
    >,
  )
  .refine(
    (entry) => Object.values(entry).filter((value) => value !== undefined).length === 1,
    `give one of ${WORKLOAD_KEYS.join(', ')}`,
  )
  .refine(
    ({pidFile}) => pidFile === undefined || pidFile.startsWith('/'),
    'pidFile is an absolute path: /run/dpdk.pid',
  )

/**
 * /etc/isolctl/config.yaml. Every key is optional; an unknown key is an error, because it is most
 * likely misspelt.
 */
export const ConfigSchema = z.strictObject({
  ...sets,
  classes: z
    .array(hostClass)
    .optional()
    .describe('other sets for some hosts; the first class that a host belongs to overrides the keys above'),
  policy: policy
    .optional()
    .describe('scheduling policy of the isolated programs: other, or fifo:1 to fifo:99'),
  isolation: z
    .enum(ISOLATIONS)
    .optional()
    .describe(
      'how isolated CPUs are taken out of load balancing: static (default, isolcpus=domain at boot) or dynamic (a cpuset partition at run time)',
    ),
  bootArguments: z
    .array(bootArgument)
    .optional()
    .describe('your own boot arguments, added for every kernel that isolctl sets up: nowatchdog'),
  steps: z
    .strictObject({
      also: z.array(z.string()).optional().describe('steps on request that apply also takes'),
      never: z.array(z.string()).optional().describe('steps that apply does not take'),
    })
    .optional()
    .describe('which steps apply takes, by the ids that plan shows'),
  workload: z
    .array(meant)
    .optional()
    .describe(
      'programs that are meant to run on isolated CPUs, so that no check takes them for strays: each by cgroup, unit, domain (libvirt, Proxmox), pod (NAMESPACE/NAME, or its uid), pidFile, or command',
    ),
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

export type Config = z.output<typeof ConfigSchema> & {
  /**
   * The position of a key, for messages: "/etc/isolctl/config.yaml:3". Absent if there is no file.
   */
  readonly where?: Where
}

export type Where = (path: readonly PropertyKey[]) => string

/** docs/config.schema.json. */
export function configJsonSchema(): string {
  const schema = z.toJSONSchema(ConfigSchema, {io: 'input'})
  const {$schema, ...rest} = schema
  return `${JSON.stringify({$schema, title: 'The config of isolctl: /etc/isolctl/config.yaml', ...rest}, null, 2)}\n`
}
