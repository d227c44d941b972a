// SPDX-License-Identifier: MIT
import {type FileHandle, open} from 'node:fs/promises'
import {constants} from 'node:os'
import {presentReport} from '../facts/launches.ts'
import {type Host, type Live, startOf, statField} from '../host/host.ts'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {parseSignal, signalName} from '../lib/signals.ts'
import {breakHelp, breakSentence} from '../model/break-words.ts'
import {graceOf, type IsolationRecord, isIsolated, parseIsolationRecord} from '../model/isolation-record.ts'
import type {StopReport} from '../schema/stop.ts'

export interface StopOptions {
  readonly program: {readonly pid: number} | {readonly unit: string}
  /** As typed; undefined: SIGTERM, or KillSignal= of the unit. */
  readonly signal: string | undefined
  readonly timeoutMs: number
  readonly abort?: AbortSignal
}

/**
 * Signals that end a process in order: the kernel takes what follows one of them as an end. SIGKILL
 * leaves a thread no time for anything else.
 * SIGHUP, SIGCHLD and SIGALRM are ordinary events for many programs.
 */
const TELLS_TO_END: ReadonlySet<number> = new Set([
  constants.signals.SIGTERM,
  constants.signals.SIGINT,
  constants.signals.SIGQUIT,
  constants.signals.SIGKILL,
])

const LOOK_MS = 20

/**
 * Tell a program to end, wait until it has, and find out how the isolation of its threads ended. The
 * processes that it started and that are watched belong to it: those that it leaves behind are told too.
 * Throws UserError if there is no such program, or if it may not be told.
 */
export async function stopProgram(
  host: Host & {readonly live: Live},
  {program, signal, timeoutMs, abort}: StopOptions,
): Promise<StopReport> {
  const {pid, number, unit} = await resolve(host, program, signal)
  const named = {...(unit === undefined ? {} : {unit}), signal: signalName(number)}
  const schema = 'isolctl.stop/1'
  if (pid === 0) return {schema, pid, name: '', ...named, ended: true, waitedMs: 0, workers: [], notes: []}
  const [main] = await living(host, [pid])
  const report = (await presentReport(host, pid))?.report
  const others = await living(host, report?.processes?.map((process) => process.pid) ?? [])
  if (main === undefined && others.length === 0)
    throw new UserError(`there is no process ${pid}`, {
      code: 'ESRCH',
      help: 'isolctl status lists the isolated threads with their processes',
    })
  const processes = [...(main === undefined ? [] : [main]), ...others]
  const workers = (await Promise.all(processes.map((process) => openWorkers(host, process.pid)))).flat()
  try {
    const notes = workers.flatMap(({before}) => threatened(before, number))
    const start = host.live.monotonicMs()
    const limits = {until: start + timeoutMs, abort}
    const tellAndWait = async (told: readonly Process[]) => {
      for (const process of told) tell(process.pid, number)
      const ends = await Promise.all(told.map((process) => waitForEnd(host, process, limits)))
      return ends.every((ended) => ended)
    }
    // A program that ends its own processes is not to find that somebody else did: many take a second
    // signal for "at once".
    const ended =
      (main === undefined || (await tellAndWait([main]))) &&
      (await tellAndWait(await stillLiving(host, others)))
    return {
      schema,
      pid,
      name: main?.name ?? report?.program ?? '?',
      ...named,
      ended,
      waitedMs: Math.round(host.live.monotonicMs() - start),
      workers: await Promise.all(workers.map((worker) => outcomeOf(worker, ended))),
      notes: [...new Set(notes)],
    }
  } finally {
    await Promise.all(workers.map(({file}) => file.close()))
  }
}

interface Process {
  readonly pid: number
  readonly name: string
  /** Its start time: another process may get the same id. */
  readonly start: string
}

/** Those of the processes that have not ended. */
async function living(host: Host, pids: readonly number[]): Promise<readonly Process[]> {
  const found = await Promise.all(
    pids.map(async (pid) => ({pid, stat: await host.read(`/proc/${pid}/stat`).catch(() => undefined)})),
  )
  return found.flatMap(({pid, stat}) =>
    stat === undefined || hasEnded(stat) ? [] : [{pid, name: nameIn(stat), start: startOf(stat)}],
  )
}

async function stillLiving(host: Host, processes: readonly Process[]): Promise<readonly Process[]> {
  const now = await living(
    host,
    processes.map(({pid}) => pid),
  )
  return processes.filter(({pid, start}) => now.some((other) => other.pid === pid && other.start === start))
}

async function resolve(
  host: Host,
  program: StopOptions['program'],
  signal: string | undefined,
): Promise<{pid: number; number: number; unit?: string}> {
  const given = signal === undefined ? undefined : signalNumber(signal)
  if ('pid' in program) return {pid: program.pid, number: given ?? constants.signals.SIGTERM}
  const {unit} = program
  const {stdout} = await host
    .run(['systemctl', 'show', '--property=LoadState,MainPID,KillSignal', '--', unit])
    .catch((cause: unknown) => {
      throw new UserError(`cannot ask systemd about ${unit}: ${(cause as Error).message}`, {
        exit: Exit.unsuitable,
        code: 'no-systemd',
        help: 'give the process instead: isolctl stop PID',
        cause,
      })
    })
  const property = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(stdout)?.[1]
  if (property('LoadState') === 'not-found')
    throw new UserError(`there is no unit ${unit}`, {
      code: 'no-unit',
      help: 'systemctl list-units lists them',
    })
  const killSignal = Number(property('KillSignal') ?? constants.signals.SIGTERM)
  return {unit, pid: Number(property('MainPID') ?? 0), number: given ?? killSignal}
}

/** See parseSignal(). Throws UserError. Pure. */
export function signalNumber(text: string): number {
  const number = parseSignal(text)
  if (number === undefined)
    throw new UserError(`there is no signal "${text}"`, {help: 'give a name or a number: --signal SIGINT'})
  return number
}

const nameIn = (stat: string): string => stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))

/**
 * Whether a process has ended, from its /proc/PID/stat. It stays in /proc until its parent has asked
 * for its exit status. A main thread that has ended is Z as well while other threads run: they count in
 * num_threads (proc(5), field 20). Pure.
 */
export function hasEnded(stat: string): boolean {
  const state = statField(stat, 3)
  return state === 'X' || (state === 'Z' && Number(statField(stat, 20)) <= 1)
}

interface Worker {
  readonly tid: number
  readonly name: string
  readonly before: IsolationRecord
  /** Its record, which stays readable when the thread has ended. */
  readonly file: FileHandle
}

/** Whether the end of a thread is still to be judged: it is isolated, or has the grace. Pure. */
export const isWorker = (record: IsolationRecord): boolean => isIsolated(record) || record.state === 'leaving'

/** The isolated threads of a process, and those that are leaving. Opening and reading a record interrupts nothing. */
async function openWorkers(host: Host, pid: number): Promise<readonly Worker[]> {
  const workers: Worker[] = []
  for (const tid of await host.list(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${tid}`
    const file = await open(`${folder}/task_isolation`).catch((cause: unknown) => {
      const code = errnoOf(cause)
      if (code === 'ENOENT' || code === 'ESRCH') return undefined // it has ended, or no such kernel
      throw new UserError(`cannot read ${folder}/task_isolation: ${code ?? 'EIO'}`, {
        exit: Exit.unsuitable,
        code: code ?? 'EIO',
        help: 'run as root, or as the user of the program',
        cause,
      })
    })
    if (file === undefined) continue
    const before = await readRecord(file)
    if (before !== undefined && isWorker(before))
      workers.push({tid: Number(tid), name: (await host.read(`${folder}/comm`))?.trim() ?? '?', before, file})
    else await file.close()
  }
  return workers
}

async function readRecord(file: FileHandle): Promise<IsolationRecord | undefined> {
  const buffer = Buffer.alloc(4096)
  const read = await file.read(buffer, 0, buffer.length, 0).catch(() => undefined)
  return read === undefined || read.bytesRead === 0
    ? undefined
    : parseIsolationRecord(buffer.toString('utf8', 0, read.bytesRead))
}

/** Why the kernel may take the end of this thread for a break, and send its signal. Pure. */
export function threatened(before: IsolationRecord, signal: number): readonly string[] {
  if (before.signal === 0) return []
  if (graceOf(before) === 0)
    return [
      'the threads were isolated without time to end: one that leaves its loop before the program ends is a break',
    ]
  return TELLS_TO_END.has(signal)
    ? []
    : [`${signalName(signal)} does not tell a program to end: it has ${graceOf(before)} s`]
}

function tell(pid: number, signal: number): void {
  try {
    process.kill(pid, signal)
  } catch (cause) {
    const code = errnoOf(cause) ?? 'EIO'
    if (code === 'ESRCH') return // it has ended by itself meanwhile
    throw new UserError(`cannot send ${signalName(signal)} to process ${pid}: ${code}`, {
      exit: Exit.unsuitable,
      code,
      help: 'run as root, or as the user of the program',
      cause,
    })
  }
}

interface Limits {
  /** Of the monotonic clock. */
  readonly until: number
  readonly abort?: AbortSignal | undefined
}

async function waitForEnd(
  host: Host & {readonly live: Live},
  {pid, start}: Process,
  {until, abort}: Limits,
): Promise<boolean> {
  for (;;) {
    const stat = await host.read(`/proc/${pid}/stat`).catch(() => undefined)
    if (stat === undefined || startOf(stat) !== start || hasEnded(stat)) return true
    if (host.live.monotonicMs() >= until || abort?.aborted) return false
    await host.live.sleep(LOOK_MS, abort).catch(() => undefined)
  }
}

type Outcome = StopReport['workers'][number]

async function outcomeOf({tid, name, before, file}: Worker, ended: boolean): Promise<Outcome> {
  return {tid, name, cpu: before.cpu, ...outcome(before, (await readRecord(file)) ?? before, ended)}
}

/**
 * How the isolation of a thread ended, from its records before and after. One that is off has ended if
 * its process has, or if it exited; else it lives, without isolation. Pure.
 */
export function outcome(
  before: IsolationRecord,
  after: IsolationRecord,
  processEnded: boolean,
): Pick<Outcome, 'state' | 'lost'> {
  if (after.breaks > before.breaks)
    return {state: 'lost', lost: {message: breakSentence(after), help: breakHelp(after)}}
  return {state: after.state === 'off' && (processEnded || after.cause === 'exit') ? 'ended' : after.state}
}
