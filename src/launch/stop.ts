// SPDX-License-Identifier: MIT
import {type FileHandle, open} from 'node:fs/promises'
import {constants} from 'node:os'
import {type PresentReport, presentReport, usersOf} from '../facts/launches.ts'
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

/** A reporter looks for new processes, and writes, every second. */
const REPORT_MS = 1500
const REPORT_LOOK_MS = 100

/** How processes are reached; tests replace it. */
export interface Reach {
  /** kill(2). Throws a system error. */
  send(pid: number, signal: number): void
  open(path: string): Promise<FileHandle>
}

const REACH: Reach = {send: (pid, signal) => void process.kill(pid, signal), open: (path) => open(path)}

/**
 * Tell a program to end, wait until it has, and find out how the isolation of its threads ended. The
 * processes that it started and that are watched belong to it: those that it leaves behind are told too,
 * also those that its reporter finds meanwhile.
 * Throws UserError if there is no such program, or if it may not be told.
 */
export async function stopProgram(
  host: Host & {readonly live: Live},
  {program, signal, timeoutMs, abort}: StopOptions,
  reach: Reach = REACH,
): Promise<StopReport> {
  const {pid, number, unit} = await resolve(host, program, signal)
  const named = {...(unit === undefined ? {} : {unit}), signal: signalName(number)}
  const schema = 'isolctl.stop/1'
  if (pid === 0) return {schema, pid, name: '', ...named, ended: true, waitedMs: 0, workers: [], notes: []}
  const {main, present} = await mainAndReport(host, pid, unit !== undefined)
  const family = new Family(host, reach, number)
  try {
    if (main !== undefined) await family.add(main)
    const others = await family.left(present)
    if (main === undefined && others.length === 0)
      throw new UserError(`there is no process ${pid}`, {
        code: 'ESRCH',
        help: 'isolctl status lists the isolated threads with their processes',
      })
    const start = host.live.monotonicMs()
    let end = start
    const limits = {until: start + timeoutMs, abort}
    const haveEnded = async (told: readonly Process[]) => {
      const ends = await Promise.all(told.map((process) => waitForEnd(host, process, limits)))
      end = host.live.monotonicMs()
      return ends.every((ended) => ended)
    }
    if (main !== undefined) tell(reach, main.pid, number)
    // A program that ends its own processes is not to find that somebody else did: many take a second
    // signal for "at once".
    let ended = main === undefined || (await haveEnded([main]))
    while (ended) {
      const last = await reportOf(host, pid, main)
      const left = await family.left(last)
      if (left.length > 0) ended = await haveEnded(family.tell(left))
      else {
        // A reporter that still runs may not have seen the processes that were started last.
        const isComplete = last === undefined || last.report.ended
        if (isComplete || host.live.monotonicMs() >= Math.min(end + REPORT_MS, limits.until)) break
        if (abort?.aborted) break
        await host.live.sleep(REPORT_LOOK_MS, abort).catch(() => undefined)
      }
    }
    return {
      schema,
      pid,
      name: main?.name ?? present?.report.program ?? '?',
      ...named,
      ended,
      waitedMs: Math.round(end - start),
      workers: await Promise.all(family.workers.map((worker) => outcomeOf(worker, ended))),
      notes: [...family.notes],
    }
  } finally {
    await Promise.all(family.workers.map(({file}) => file.close()))
  }
}

/**
 * The program, if it has not ended, and its report. When the report says that it has ended, or names
 * another start time, a stranger has its number: it is no part of the program. The main process of a
 * unit is what systemd says, and then the report is no part of it.
 */
async function mainAndReport(
  host: Host,
  pid: number,
  isKnown: boolean,
): Promise<{main?: Process | undefined; present?: PresentReport | undefined}> {
  const main = await living(host, pid)
  const present = await presentReport(host, pid)
  if (main === undefined || present === undefined) return {main, present}
  const {ended, programEnded, start} = present.report
  // What has this start time is the program, whatever the report says of its end: its user may lie.
  const isProgram = `${start}` === main.start
  const isOther = !isProgram && (ended || programEnded === true || !mayBeOf(present, main))
  return isOther ? (isKnown ? {main} : {present}) : {main, present}
}

/** The present report, unless it is of another process that had the number of `main`. */
async function reportOf(
  host: Host,
  pid: number,
  main: Process | undefined,
): Promise<PresentReport | undefined> {
  const present = await presentReport(host, pid)
  return present === undefined || main === undefined || mayBeOf(present, main) ? present : undefined
}

/** Whether a report of a process of this number may be of this one; it gives 0 for an unknown start time. Pure. */
const mayBeOf = ({report: {start = 0}}: PresentReport, main: Process): boolean =>
  start === 0 || `${start}` === main.start

interface Process {
  readonly pid: number
  readonly name: string
  /** Its start time: another process may get the same id. */
  readonly start: string
}

const keyOf = ({pid, start}: Pick<Process, 'pid' | 'start'>) => `${pid} ${start}`

/** A process as a report lists it, and the user whose report it is. */
interface Listed {
  readonly pid: number
  readonly start: string
  readonly owner: number
}

/** The program, and the processes that its reports have listed so far. */
class Family {
  readonly workers: Worker[] = []
  readonly notes = new Set<string>()
  readonly #listed = new Map<string, Listed>()
  /** Whose workers are open. */
  readonly #known = new Set<string>()
  readonly #told = new Set<string>()
  readonly #host: Host
  readonly #reach: Reach
  readonly #signal: number

  constructor(host: Host, reach: Reach, signal: number) {
    this.#host = host
    this.#reach = reach
    this.#signal = signal
  }

  /** The program itself: it is told by itself. Throws UserError if its threads may not be looked at. */
  async add(main: Process): Promise<void> {
    this.#told.add(keyOf(main))
    await this.#open(main)
  }

  /** The processes of this report, and of those before, that live, and were not told yet. */
  async left(present: PresentReport | undefined): Promise<readonly Process[]> {
    for (const listed of listedIn(present)) this.#listed.set(keyOf(listed), listed)
    const left: Process[] = []
    for (const listed of this.#listed.values()) {
      if (this.#told.has(keyOf(listed))) continue
      const process = await living(this.#host, listed.pid)
      if (process?.start !== listed.start) continue
      if (await isForeign(this.#host, listed)) {
        this.notes.add(`${process.name}[${process.pid}] is not of the user of the report: it gets no signal`)
        continue
      }
      await this.#open(process).catch((cause: unknown) => this.#note(process, cause))
      left.push(process)
    }
    return left
  }

  /** Tell these, and return those that could be told. */
  tell(processes: readonly Process[]): readonly Process[] {
    return processes.filter((process) => {
      this.#told.add(keyOf(process))
      try {
        tell(this.#reach, process.pid, this.#signal)
        return true
      } catch (cause) {
        this.#note(process, cause)
        return false
      }
    })
  }

  async #open(process: Process): Promise<void> {
    if (this.#known.has(keyOf(process))) return
    this.#known.add(keyOf(process))
    await openWorkers(this.#host, this.#reach, process.pid, (worker) => {
      this.workers.push(worker)
      for (const note of threatened(worker.before, this.#signal)) this.notes.add(note)
    })
  }

  /** A process of another user in the family does not keep the others from their end. */
  #note({name}: Process, cause: unknown): void {
    if (!(cause instanceof UserError) || (cause.code !== 'EACCES' && cause.code !== 'EPERM')) throw cause
    this.notes.add(`${name}: ${cause.message}`)
  }
}

/** What a report lists; processes without a start time cannot be told from others. Pure. */
function listedIn(present: PresentReport | undefined): readonly Listed[] {
  return (present?.report.processes ?? []).flatMap(({pid, start}) =>
    start === undefined || pid === process.pid ? [] : [{pid, start: `${start}`, owner: present?.owner ?? -1}],
  )
}

/**
 * Whether a process is not the one to be told by the report of this user, who may list what he likes.
 * Root's reporter lists only what it follows.
 */
async function isForeign(host: Host, {pid, owner}: Listed): Promise<boolean> {
  if (owner === 0) return false
  const [real, effective, saved] = (await usersOf(host, pid)) ?? []
  return real !== owner || effective !== owner || saved !== owner
}

/** A process; undefined when it has ended. */
async function living(host: Host, pid: number): Promise<Process | undefined> {
  const stat = await host.read(`/proc/${pid}/stat`).catch(() => undefined)
  return stat === undefined || hasEnded(stat) ? undefined : {pid, name: nameIn(stat), start: startOf(stat)}
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

/**
 * Call `found` for each isolated thread of a process, and for those that are leaving. Opening and reading
 * a record interrupts nothing. Throws UserError.
 */
async function openWorkers(
  host: Host,
  reach: Reach,
  pid: number,
  found: (worker: Worker) => void,
): Promise<void> {
  for (const tid of await host.list(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${tid}`
    const file = await reach.open(`${folder}/task_isolation`).catch((cause: unknown) => {
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
      found({tid: Number(tid), name: (await host.read(`${folder}/comm`))?.trim() ?? '?', before, file})
    else await file.close()
  }
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

function tell(reach: Reach, pid: number, signal: number): void {
  try {
    reach.send(pid, signal)
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
