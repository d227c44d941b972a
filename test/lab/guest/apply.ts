// SPDX-License-Identifier: MIT
/**
 * Inside the lab machine: take a picture of it, apply, look, undo, and take the picture again. Prints what each part
 * printed, as JSON. Commands run in this one process, because an emulated machine takes seconds to start another; the one
 * that is to be killed is a process of its own.
 */
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import process from 'node:process'
import {setTimeout as sleep} from 'node:timers/promises'

const checkout = join(import.meta.dirname, '../../..')
const {main} = (await import(join(checkout, 'dist/isolctl.js'))) as {main(args: string[]): Promise<void>}

const DEFAULT = '/proc/irq/default_smp_affinity'
const WORKQUEUE = '/sys/devices/virtual/workqueue'
const FAIR_SERVER = '/sys/kernel/debug/sched/fair_server'
const JOURNAL = '/var/lib/isolctl/journal.jsonl'

const parts: Record<string, {output: string; exit: number}> = {}
const write = process.stdout.write.bind(process.stdout)

/** Run a command line of isolctl as if typed, and keep what it prints, errors included. */
async function isolctl(part: string, ...args: string[]): Promise<void> {
  let output = ''
  const keep = (chunk: string | Uint8Array) => {
    output += chunk.toString()
    return true
  }
  process.stdout.write = keep
  process.stderr.write = keep
  process.exitCode = 0
  await main(args)
  parts[part] = {output, exit: Number(process.exitCode)}
}

/** What the plan is about besides, as it was found. */
const planned: string[] = []
const threads: number[] = []

function remember(plan: string): void {
  const {steps} = JSON.parse(plan) as {steps: {changes: {kind: string; path?: string; tid?: number}[]}[]}
  for (const {kind, path, tid} of steps.flatMap(({changes}) => changes))
    if (kind === 'set' && path) planned.push(path)
    else if (kind === 'affinity' && tid) threads.push(tid)
}

const allowed = (tid: number) =>
  `thread ${tid} ${/^Cpus_allowed_list:\s*(.*\n)/m.exec(readFileSync(`/proc/${tid}/status`, 'utf8'))?.[1]}`

/** Every requested affinity, mask of the workqueues and fair server, and what is planned, as the machine prints them. */
function picture(part: string): void {
  const irqs = readdirSync('/proc/irq').filter((name) => /^\d+$/.test(name))
  const masks = readdirSync(WORKQUEUE).filter((name) => name.startsWith('cpumask'))
  const servers = readdirSync(FAIR_SERVER).map((cpu) => `${FAIR_SERVER}/${cpu}/runtime`)
  const files = [
    DEFAULT,
    ...servers,
    ...irqs.map((irq) => `/proc/irq/${irq}/smp_affinity_list`),
    ...masks.map((name) => `${WORKQUEUE}/${name}`),
  ]
  const all = [...new Set([...files, ...planned])].map((file) => `${file} ${readFileSync(file, 'utf8')}`)
  parts[part] = {output: [...all, ...threads.map(allowed)].join(''), exit: 0}
}

const intents = () => readFileSync(JOURNAL, 'utf8').split('"intent"').length - 1

await isolctl('topology', 'topology', '--json')
await isolctl('plan', 'plan', '--cpus', '2-3', '--json')
remember(parts['plan']?.output ?? '')
picture('before')
await isolctl('unconfirmed', 'apply', '--cpus', '2-3')
await isolctl('apply', 'apply', '--cpus', '2-3', '--yes', '--json')
picture('after')
await isolctl('replan', 'plan', '--cpus', '2-3')
await isolctl('status', 'status', '--json')
writeFileSync(DEFAULT, '2')
await isolctl('drifted', 'status')
await isolctl('undo', 'undo')
picture('conflict')
await isolctl('force', 'undo', '--force', '--json')
picture('restored')
await isolctl('again', 'undo')

// Killed as soon as the first change is announced in the journal.
const before = intents()
const child = spawn(process.execPath, [join(checkout, 'bin/run.js'), 'apply', '--cpus', '2-3', '--yes'], {
  stdio: 'ignore',
})
const ended = once(child, 'exit')
while (intents() === before && child.exitCode === null) await sleep(2)
child.kill('SIGKILL')
await ended
await isolctl('killed', 'status', '--json')
await isolctl('cleanup', 'undo')
picture('clean')

process.exitCode = 0
write(JSON.stringify(parts))
