// SPDX-License-Identifier: MIT
/** What the programs inside the lab machine share: run isolctl, keep what it says, and take pictures of the machine. */
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
 * Run a command line of isolctl as if typed, and keep what it prints, errors included. In this one process, because an
 * emulated machine takes seconds to start another.
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

/** What the plan is about, as `isolctl plan --json` printed it. */
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

/** Every requested affinity, mask of the workqueues and fair server, and what is planned, as the machine prints them. */
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

/** How many changes the journal announces. */
export const intents = () => readFileSync(JOURNAL, 'utf8').split('"intent"').length - 1

/** All parts, as JSON: the one thing the machine says. */
export function finish(): void {
  process.exitCode = 0
  write(JSON.stringify(parts))
}
