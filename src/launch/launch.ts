// SPDX-License-Identifier: MIT
import {readFile} from 'node:fs/promises'
import {resolveSettings} from '../config/settings.ts'
import {bootIsolated, nohzFull} from '../facts/cpus.ts'
import {gatherer, given} from '../facts/fact.ts'
import {nodes} from '../facts/nodes.ts'
import {settings} from '../facts/settings.ts'
import type {HostView} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {CpuSet} from '../model/cpuset.ts'
import {formatPolicy, type Policy} from '../model/policy.ts'
import {isUtf8, splitNul} from './arguments.ts'
import {choose} from './choose.ts'
import {quickPreflight, readConditions} from './conditions.ts'
import type {Enter} from './enter.ts'
import {gate} from './gate.ts'
import {type Hinted, hintsFor, lookAtProgram} from './hints.ts'
import {parseNofile, startingNofile} from './limits.ts'
import {type Lock, lockArgument} from './lock.ts'
import {memoryPolicy, type Numa} from './numa.ts'
import {endGrace, isolationFlags, type OnBreak} from './on-break.ts'

export interface LaunchOptions {
  readonly config: string
  readonly cpus: CpuSet | undefined
  readonly policy: Policy | undefined
  readonly enter: Enter
  readonly onBreak: OnBreak
  /** As typed: "5s", "0"; undefined: as the break action has it. */
  readonly endGrace: string | undefined
  readonly soft: boolean
  readonly force: boolean
  readonly allowGuest: boolean
  /** Write no report to stderr. */
  readonly quiet: boolean
  /** Write the report to stderr as JSON. */
  readonly json: boolean
  /** Print each break, also one like those before. */
  readonly verbose: boolean
  readonly statusFile: string | undefined
  readonly numa: Numa
  readonly lock: Lock
  /** How long a thread that has settled waits for the rest of the program. */
  readonly settleTimeoutMs: number
  /** Watch the processes that the program starts as well. */
  readonly follow: boolean
  /** Notify systemd when `workers` threads are isolated. False: the program does it. */
  readonly notify: boolean
  /** The number of isolated threads that the program will have; undefined: one on each CPU. */
  readonly workers: number | undefined
  /** Print where in the program a system call was made that ended isolation. */
  readonly explainBreaks: boolean
  /** Give the program the environment of hints.ts. */
  readonly runtimeHints: boolean
  /** The program and its arguments, as Node.js decoded them. */
  readonly program: readonly string[]
}

export interface Launch {
  readonly cpus: CpuSet
  readonly housekeeping: CpuSet
  readonly policy: Policy
  /** Arguments of isol-exec, without argv[0]. */
  readonly argv: readonly string[]
  /** Objections that were overridden. */
  readonly notes: readonly string[]
}

/**
 * Decide where the program runs and whether it may be launched. Throws UserError; starts nothing.
 */
export async function prepareLaunch(host: HostView, options: LaunchOptions): Promise<Launch> {
  const {enter, onBreak} = options
  if (onBreak.kind === 'rearm' && enter.kind !== 'settle')
    throw new UserError('--on-break rearm needs --enter settle', {
      help: 'use --enter settle, or --on-break signal=SIG and let the program itself enter again',
    })
  const grace = endGrace(options.endGrace, onBreak)
  const target = await resolveSettings(host, options)
  requireCpuForEach(options.workers, target.isolated)
  if (options.notify && process.env['NOTIFY_SOCKET'] === undefined)
    throw new UserError('--notify has no receiver: NOTIFY_SOCKET is not set', {
      help: '--notify is for systemd units with Type=notify; leave it out elsewhere',
    })
  const get = gatherer(host, [given(settings, target)])
  const optional = <T>(value: Promise<T>) => value.catch(() => undefined)
  const conditions = await readConditions(get)
  const complaints = conditions.eligible === undefined ? [] : await quickPreflight(get)
  const notes = gate(conditions, complaints, {...options, cpus: target.isolated, policy: target.policy})
  const unbalanced = [await optional(get(bootIsolated)), conditions.eligible]
  const setApart = [...unbalanced, await optional(get(nohzFull))]
  const {isolated, housekeeping} = choose({
    target,
    setApart: setApart.reduce<CpuSet>((all, cpus) => all.union(cpus ?? CpuSet.empty), CpuSet.empty),
  })
  const hinted = await hints(options, isolated)
  return {
    cpus: isolated,
    housekeeping,
    policy: target.policy,
    notes: [...notes, ...hinted.notes],
    argv: [
      `--cpus=${isolated}`,
      `--housekeeping=${housekeeping}`,
      `--flags=0x${isolationFlags(onBreak).toString(16)}`,
      ...(grace > 0 ? [`--end-grace=${grace}`] : []),
      ...(conditions.eligible === undefined ? [] : ['--exclusive']),
      ...(isShown(isolated, enter, unbalanced) ? ['--wide'] : []),
      ...(options.follow ? [] : ['--no-follow']),
      ...(enter.kind === 'settle'
        ? [`--settle=${enter.ms}`, `--settle-timeout=${options.settleTimeoutMs}`]
        : []),
      ...(onBreak.kind === 'rearm' ? ['--rearm'] : []),
      ...(target.policy.kind === 'fifo' ? [`--fifo=${target.policy.priority}`] : []),
      ...memoryPolicy(options.numa, (await optional(get(nodes))) ?? new Map(), isolated),
      ...lockArgument(options.lock),
      ...(options.notify ? ['--notify'] : []),
      ...(options.workers === undefined ? [] : [`--workers=${options.workers}`]),
      ...(options.force ? ['--force'] : []),
      ...(await nofile()),
      ...(options.soft ? ['--soft'] : []),
      ...(options.quiet ? ['--quiet'] : []),
      ...(options.json ? ['--json'] : []),
      ...(options.verbose ? ['--verbose'] : []),
      ...(options.explainBreaks ? ['--explain-breaks'] : []),
      ...(options.statusFile === undefined ? [] : [`--status-file=${options.statusFile}`]),
      ...Object.entries(hinted.environment).map(([name, value]) => hexEnv(Buffer.from(`${name}=${value}`))),
      ...(await bytesOf(options.program)),
    ],
  }
}

/**
 * Whether the program may find the CPUs in its affinity although it starts elsewhere: where the scheduler
 * moves no thread onto them by itself. Not with --enter app: each thread enters by itself, so nobody would
 * take the CPUs from the affinity of the threads that never do. Pure.
 */
function isShown(cpus: CpuSet, enter: Enter, unbalanced: readonly (CpuSet | undefined)[]): boolean {
  if (enter.kind === 'app') return false
  return unbalanced.some((set) => set !== undefined && cpus.isSubsetOf(set))
}

/** Throws UserError: with fewer CPUs than workers the program would never be ready. */
function requireCpuForEach(workers: number | undefined, cpus: CpuSet): void {
  if (workers !== undefined && workers > cpus.size)
    throw new UserError(
      `${workers} workers need ${workers} CPUs, and the launch has ${cpus.size} (${cpus})`,
      {
        code: 'workers',
        help: `give more CPUs with --cpus, or at most --workers ${cpus.size}`,
      },
    )
}

async function hints({runtimeHints, program: [command = '']}: LaunchOptions, cpus: CpuSet): Promise<Hinted> {
  const program = runtimeHints ? await lookAtProgram(command, process.env) : undefined
  return program === undefined ? {environment: {}, notes: []} : hintsFor(program, cpus.size, process.env)
}

/** The output of `--dry-run`, for people and as JSON. */
export function describeLaunch({cpus, housekeeping, policy, notes}: Launch, command: readonly string[]) {
  return {
    schema: 'isolctl.launch/1' as const,
    dryRun: true as const,
    cpus,
    housekeeping,
    policy: formatPolicy(policy),
    notes,
    command,
  }
}

const ownFile = async (path: string) => await readFile(path).catch(() => Buffer.alloc(0))

async function nofile(): Promise<readonly string[]> {
  const limitsOf = async (pid: number | 'self') => parseNofile(`${await ownFile(`/proc/${pid}/limits`)}`)
  const soft = startingNofile(await limitsOf('self'), await limitsOf(process.ppid), process.ppid)
  return soft === undefined ? [] : [`--nofile=${soft}`]
}

/** An argument of isol-exec that sets "NAME=VALUE" in the environment of the program. */
const hexEnv = (entry: Buffer): string => `--hex-env=${entry.toString('hex')}`

/**
 * "--" and the program's arguments. Node.js decodes arguments and environment as UTF-8 and loses
 * all other bytes. When there are such bytes, isol-exec gets them in hex, from /proc/self/cmdline
 * and environ.
 */
async function bytesOf(program: readonly string[]): Promise<readonly string[]> {
  const given = splitNul(await ownFile('/proc/self/cmdline')).slice(-program.length)
  const odd = splitNul(await ownFile('/proc/self/environ')).filter((entry) => !isUtf8(entry))
  const environment = odd.map(hexEnv)
  const isOurs = given.length === program.length && given.every((bytes, i) => bytes.toString() === program[i])
  if (!isOurs || given.every(isUtf8)) return [...environment, '--', ...program]
  return [...environment, '--hex', '--', ...given.map((bytes) => bytes.toString('hex'))]
}
