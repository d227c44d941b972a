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
import type {Enter} from './enter.ts'
import {gate} from './gate.ts'
import {quickPreflight, surveyGround} from './ground.ts'
import {parseNofile, startingNofile} from './limits.ts'
import {memoryPolicy, type Numa} from './numa.ts'
import {isolationFlags, type OnBreak} from './on-break.ts'

export interface LaunchOptions {
  readonly config: string
  readonly cpus: CpuSet | undefined
  readonly policy: Policy | undefined
  readonly enter: Enter
  readonly onBreak: OnBreak
  readonly soft: boolean
  readonly force: boolean
  readonly allowGuest: boolean
  /** No report on stderr. */
  readonly quiet: boolean
  /** The report on stderr as JSON. */
  readonly json: boolean
  readonly statusFile: string | undefined
  readonly numa: Numa
  /** Tell systemd when so many threads are isolated; undefined: leave that to the program. */
  readonly notify: boolean
  /** How many isolated threads the program is to have; undefined: one on each CPU. */
  readonly workers: number | undefined
  /** As Node.js read them. */
  readonly program: readonly string[]
}

export interface Launch {
  readonly cpus: CpuSet
  readonly housekeeping: CpuSet
  readonly policy: Policy
  /** Arguments of isol-exec, without its own name. */
  readonly argv: readonly string[]
  /** What stands against it, and was overridden. */
  readonly notes: readonly string[]
}

/** Decide where the program runs and whether it may. Throws UserError; starts nothing. */
export async function prepareLaunch(host: HostView, options: LaunchOptions): Promise<Launch> {
  const {enter, onBreak} = options
  if (onBreak.kind === 'rearm' && enter.kind !== 'settle')
    throw new UserError('only what settle brought into isolation can be rearmed', {
      help: 'use --enter settle; or --on-break signal=SIG, and let the program enter again by itself',
    })
  const target = await resolveSettings(host, options)
  if (options.notify && process.env['NOTIFY_SOCKET'] === undefined)
    throw new UserError('nobody waits to be notified: NOTIFY_SOCKET is not set', {
      help: '--notify is for systemd units with Type=notify; leave it out elsewhere',
    })
  const get = gatherer(host, [given(settings, target)])
  const optional = <T>(value: Promise<T>) => value.catch(() => undefined)
  const ground = await surveyGround(get)
  const complaints = ground.eligible === undefined ? [] : await quickPreflight(get)
  const notes = gate(ground, complaints, {...options, cpus: target.isolated, policy: target.policy})
  const setApart = [await optional(get(bootIsolated)), await optional(get(nohzFull)), ground.eligible]
  const {isolated, housekeeping} = choose({
    target,
    setApart: setApart.reduce<CpuSet>((all, cpus) => all.union(cpus ?? CpuSet.empty), CpuSet.empty),
  })
  return {
    cpus: isolated,
    housekeeping,
    policy: target.policy,
    notes,
    argv: [
      `--cpus=${isolated}`,
      `--housekeeping=${housekeeping}`,
      `--flags=0x${isolationFlags(onBreak).toString(16)}`,
      ...(enter.kind === 'settle' ? [`--settle=${enter.ms}`] : []),
      ...(onBreak.kind === 'rearm' ? ['--rearm'] : []),
      ...(target.policy.kind === 'fifo' ? [`--fifo=${target.policy.priority}`] : []),
      ...memoryPolicy(options.numa, (await optional(get(nodes))) ?? new Map(), isolated),
      ...(options.notify ? ['--notify'] : []),
      ...(options.workers === undefined ? [] : [`--workers=${options.workers}`]),
      ...(options.force ? ['--force'] : []),
      ...(await nofile()),
      ...(options.soft ? ['--soft'] : []),
      ...(options.quiet ? ['--quiet'] : []),
      ...(options.json ? ['--json'] : []),
      ...(options.statusFile === undefined ? [] : [`--status-file=${options.statusFile}`]),
      ...(await bytesOf(options.program)),
    ],
  }
}

/** For people and for machines: what `--dry-run` shows. */
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

/**
 * "--", and the program's arguments. Node.js reads arguments and environment as UTF-8 and loses every other byte, so
 * where there are such bytes, isol-exec gets them in hex, from what the kernel keeps of how we were started.
 */
async function bytesOf(program: readonly string[]): Promise<readonly string[]> {
  const given = splitNul(await ownFile('/proc/self/cmdline')).slice(-program.length)
  const odd = splitNul(await ownFile('/proc/self/environ')).filter((entry) => !isUtf8(entry))
  const environment = odd.map((entry) => `--hex-env=${entry.toString('hex')}`)
  const isOurs = given.length === program.length && given.every((bytes, i) => bytes.toString() === program[i])
  if (!isOurs || given.every(isUtf8)) return [...environment, '--', ...program]
  return [...environment, '--hex', '--', ...given.map((bytes) => bytes.toString('hex'))]
}
