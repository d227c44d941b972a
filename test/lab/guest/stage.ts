// SPDX-License-Identifier: MIT
/**
 * Shared by the programs inside the lab machine: run isolctl, keep its output, and take pictures of
 * the machine.
 */
import {readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import process from 'node:process'

export const checkout = join(import.meta.dirname, '../../..')
/** As a user starts it. */
export const program = join(checkout, 'bin/run.js')
export const JOURNAL = '/var/lib/isolctl/journal.jsonl'
export const WORKQUEUE = '/sys/devices/virtual/workqueue'
const FAIR_SERVER = '/sys/kernel/debug/sched/fair_server'

const {main} = (await import(join(checkout, 'dist/isolctl.js'))) as {main(args: string[]): Promise<void>}
const write = process.stdout.write.bind(process.stdout)

export const parts: Record<string, {output: string; exit: number}> = {}

/**
 * Run a command line of isolctl as if typed, and keep its output and errors. All in this process,
 * because an emulated machine takes seconds to start another.
 */
export async function isolctl(part: string, ...args: string[]): Promise<void> {
  let output = ''
  const keep = (chunk: string | Uint8Array) => {
    output += chunk.toString()
    return true
  }
  process.stdout.write = keep
  process.stderr.write = keep
  process.exitCode = 0
  await main(args)
  process.stdout.write = write
  parts[part] = {output, exit: Number(process.exitCode)}
}

/** The changes of the plan, as `isolctl plan --json` printed it. */
const planned: string[] = []
const threads: number[] = []

export function remember(plan: string): void {
  const {steps} = JSON.parse(plan) as {steps: {changes: {kind: string; path?: string; tid?: number}[]}[]}
  for (const {kind, path, tid} of steps.flatMap(({changes}) => changes))
    if (kind === 'set' && path) planned.push(path)
    else if (kind === 'affinity' && tid) threads.push(tid)
}

const allowed = (tid: number) =>
  `thread ${tid} ${/^Cpus_allowed_list:\s*(.*\n)/m.exec(readFileSync(`/proc/${tid}/status`, 'utf8'))?.[1]}`

/**
 * All requested affinities, masks of workqueues and fair servers, and the planned places, as the
 * machine prints them.
 */
export function picture(part: string): void {
  const irqs = readdirSync('/proc/irq').filter((name) => /^\d+$/.test(name))
  const masks = readdirSync(WORKQUEUE).filter((name) => name.startsWith('cpumask'))
  const servers = readdirSync(FAIR_SERVER).map((cpu) => `${FAIR_SERVER}/${cpu}/runtime`)
  const files = [
    '/proc/irq/default_smp_affinity',
    ...servers,
    ...irqs.map((irq) => `/proc/irq/${irq}/smp_affinity_list`),
    ...masks.map((name) => `${WORKQUEUE}/${name}`),
    '/sys/fs/cgroup/cgroup.subtree_control',
  ]
  const all = [...new Set([...files, ...planned])].map((file) => `${file} ${readFileSync(file, 'utf8')}`)
  parts[part] = {output: [...all, ...threads.map(allowed)].join(''), exit: 0}
}

/** The number of changes that the journal announces. */
export const intents = () => readFileSync(JOURNAL, 'utf8').split('"intent"').length - 1

/** All parts as JSON, which is the only output of the program. */
export function finish(): void {
  process.exitCode = 0
  write(JSON.stringify(parts))
}
