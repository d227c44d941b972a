// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {mustRead} from '../../facts/fact.ts'
import {counterDelta, INTERRUPTS, parseInterrupts} from '../../facts/interrupts.ts'
import {readIsolationRecord} from '../../facts/isolation.ts'
import type {HostView, Live} from '../../host/host.ts'
import {wrap} from '../../lib/text.ts'
import type {CpuSet} from '../../model/cpuset.ts'
import {isIsolated} from '../../model/isolation-record.ts'
import type {ApplyReport} from '../../schema/machine.ts'
import type {Report} from '../../schema/preflight.ts'
import {type Column, interruptTable} from './table.ts'

/** What the demo needs from its caller. */
export interface Stage {
  readonly host: HostView & {readonly live: Live}
  /**
   * Runs another isolctl command in this process, with the same standard output. `result` is what
   * --json would print.
   */
  readonly isolctl: (...words: string[]) => Promise<{readonly exit: number; readonly result: unknown}>
  /**
   * How to start isolctl as a separate process, because launch becomes the program that it
   * launches.
   */
  readonly ourselves: readonly [string, ...string[]]
  readonly sample: (name: 'poller' | 'slip') => string
  readonly say: (line?: string) => void
  readonly title: (text: string) => void
  readonly verdict: (holds: boolean, claim: string) => void
}

/** Long enough for events that occur once a second, and short enough to wait for. */
const WINDOW_MS = 3000
const SECONDS = WINDOW_MS / 1000

/**
 * The demo, as it runs inside the lab machine: look, plan, apply, prove, launch, lose isolation,
 * undo. Each claim is measured just before it is made. Returns the number of claims that do not
 * hold.
 */
export async function tell(stage: Stage, isolated: CpuSet): Promise<number> {
  const {host, isolctl, say, title} = stage
  const cpu = Math.max(...isolated)
  let broken = 0
  const claim = (holds: boolean, text: string) => {
    stage.verdict(holds, text)
    if (!holds) broken++
  }
  const preflight = async () => {
    const {exit, result} = await isolctl('preflight', '--window', `${SECONDS}s`)
    return {exit, columns: (result as Report).measured ?? []}
  }

  title('The machine, as it was booted')
  await isolctl('topology')
  const booted = await preflight()
  claim(booted.exit === 1 && sum(booted.columns) > 0, 'preflight says no, and names the cause')

  title('Plan, and apply')
  const before = await settingsOf(host)
  const planned = await isolctl('plan')
  claim(
    planned.exit === 10 && differences(before, await settingsOf(host)).length === 0,
    'planned, and touched nothing',
  )
  const applied = await isolctl('apply', '--yes')
  // Its exit status is 3, because this machine has no boot loader and its next boot is therefore
  // unknown.
  claim((applied.result as ApplyReport).outcome === 'applied', 'applied, and read back')

  title('The proof')
  const quiet = await preflight()
  claim(
    quiet.exit === 0 && quiet.columns.length === isolated.size && sum(quiet.columns) === 0,
    `a busy program on CPU ${isolated}, and not one interrupt in ${SECONDS} s`,
  )

  title(`Hard isolation: a program that must not be interrupted, on CPU ${cpu}`)
  const launched = await launchPoller(stage, cpu)
  claim(
    launched.isolated && launched.exit === 0 && sum([launched.column]) === 0,
    `${SECONDS} s under PR_TASK_ISOLATION, and 0 entries into the kernel`,
  )

  title('The same, and it makes one system call')
  const slipped = await launchSlip(stage, cpu)
  claim(
    slipped.signal === 'SIGKILL' && /\bsystem call write\b/.test(slipped.report),
    'killed by the kernel, and the report names the system call',
  )

  title('Undo')
  const undone = await isolctl('undo')
  const differ = differences(before, await settingsOf(host))
  claim(
    undone.exit === 0 && differ.length === 0,
    differ.length === 0 ? `all ${before.size} settings read as before` : `differs: ${differ.join(', ')}`,
  )

  title(`Interrupts of a busy CPU in ${SECONDS} s`)
  for (const line of interruptTable([
    {title: 'as booted', columns: booted.columns},
    {title: 'after apply', columns: quiet.columns},
    {title: 'launched', columns: [launched.column]},
  ]))
    say(line)
  return broken
}

const sum = (columns: readonly Column[]): number =>
  columns.flatMap(({interrupts}) => Object.values(interrupts)).reduce((total, count) => total + count, 0)

interface Launched {
  /** Whether it was isolated at both ends of the window. */
  readonly isolated: boolean
  readonly column: Column
  readonly exit: number | undefined
}

/**
 * Launches the poller and counts its interrupts from outside. The window leaves out the start and
 * the end of the poller.
 */
async function launchPoller({host, ourselves, sample, say}: Stage, cpu: number): Promise<Launched> {
  const words = ['launch', '--cpus', `${cpu}`, '--enter', 'app', '--allow-guest', '--', sample('poller')]
  words.push(`${SECONDS + 2}`)
  say(`$ isolctl ${words.join(' ')}`)
  const [file, ...args] = ourselves
  const child = execa(file, [...args, ...words], {stdin: 'ignore', all: true, reject: false})
  const pid = child.pid ?? 0 // launch keeps it
  const isIsolatedNow = async () => {
    const record = await readIsolationRecord(host, {pid}).catch(() => undefined)
    return record !== undefined && isIsolated(record)
  }
  const ended = child.then(({exitCode, all}) => {
    sayWrapped(say, all)
    return exitCode
  })
  let over = false
  void ended.then(() => {
    over = true
  })
  while (!over && !(await isIsolatedNow())) await host.live.sleep(50)
  const opening = await countersOn(host, cpu)
  await host.live.sleep(WINDOW_MS)
  const closing = await countersOn(host, cpu)
  // Isolated before and after the window means isolated throughout: this thread enters once.
  const isolated = await isIsolatedNow()
  const moved = [...closing].map(
    ([name, count]) => [name, counterDelta(opening.get(name) ?? 0, count)] as const,
  )
  const interrupts = Object.fromEntries(moved.filter(([, count]) => count > 0))
  return {isolated, exit: await ended, column: {cpu, interrupts}}
}

/** Row of /proc/interrupts to its count on one CPU. */
async function countersOn(host: HostView, cpu: number): Promise<ReadonlyMap<string, number>> {
  const rows = parseInterrupts(await mustRead(host, INTERRUPTS))
  return new Map(rows.map(({name, counts}) => [name, counts.get(cpu) ?? 0]))
}

async function launchSlip({ourselves, sample, say}: Stage, cpu: number) {
  // The sample ends soon after its mistake, which would be an end in order: judge it at once.
  const options = ['--enter', 'app', '--allow-guest', '--end-grace', '0']
  const words = ['launch', '--cpus', `${cpu}`, ...options, '--', sample('slip'), '500']
  say(`$ isolctl ${words.join(' ')}`)
  const [file, ...args] = ourselves
  const {stderr, signal, exitCode} = await execa(file, [...args, ...words], {stdin: 'ignore', reject: false})
  sayWrapped(say, stderr)
  say(signal === undefined ? `exit status ${exitCode}` : `ended by ${signal}`)
  return {report: stderr, signal}
}

/**
 * Prints the output of a program in 80 columns. A line that does not fit continues below, indented.
 */
function sayWrapped(say: Stage['say'], text: string): void {
  for (const line of text.split('\n')) {
    const [first, ...rest] = wrap(line.split(' '), {width: 76})
    say(first)
    for (const more of rest) say(`  ${more}`)
  }
}

/** The files that `apply` may change at run time: path to contents. */
async function settingsOf(host: HostView): Promise<ReadonlyMap<string, string>> {
  const below = async (folder: string, name: RegExp, file: string) =>
    (await host.list(folder)).filter((entry) => name.test(entry)).map((entry) => `${folder}/${entry}/${file}`)
  const values = new Map<string, string>()
  for (const path of [
    ...(await below('/proc/irq', /^\d+$/, 'smp_affinity_list')),
    '/proc/irq/default_smp_affinity',
    '/sys/devices/virtual/workqueue/cpumask',
    ...(await below('/sys/kernel/debug/sched/fair_server', /^cpu\d+$/, 'runtime')),
  ]) {
    const text = await host.read(path)
    if (text !== undefined) values.set(path, text)
  }
  return values
}

const differences = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] =>
  [...before].filter(([path, value]) => after.get(path) !== value).map(([path]) => path)
