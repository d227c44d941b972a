// SPDX-License-Identifier: MIT

import {bootIsolatedOrDerived, nohzFullOrDerived, onlineOrDerived} from '../facts/derived-cpus.ts'
import {type Get, gatherer} from '../facts/fact.ts'
import {managedIrqAtBoot} from '../facts/managed-irq.ts'
import type {HostView} from '../host/host.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Policy} from '../model/policy.ts'
import type {Settings} from '../model/settings.ts'
import {type Meant, WORKLOAD_KEYS} from '../model/workload.ts'
import type {Config} from '../schema/config.ts'
import {loadConfig} from './load.ts'
import {type ConfiguredSets, setsFor} from './sets.ts'
import {NoTarget, resolveTarget} from './target.ts'

/** What the command line asks for; the config file and the machine supply what it leaves open. */
export interface SettingsRequest {
  readonly config: string
  readonly cpus?: CpuSet | undefined
  readonly policy?: Policy | undefined
  readonly windowMs?: number | undefined
}

/** Combine command line, config and machine. Throws UserError; changes nothing. */
export async function resolveSettings(host: HostView, asked: SettingsRequest): Promise<Settings> {
  const config = await loadConfig(host, asked.config)
  const get = gatherer(host)
  const {cpus: machine} = await get(onlineOrDerived).catch((cause: Error) => {
    throw new UserError(`cannot tell which CPUs are online: ${cause.message}`, {
      exit: Exit.unsuitable,
      help: 'with --root, give a directory with the sys/ and proc/ of a Linux machine',
      cause,
    })
  })
  const sets = asked.cpus === undefined ? await setsFor(config, {name: host.name, online: machine, get}) : {}
  const named = asked.cpus ?? sets.isolated
  const booted = named === undefined ? await isolatedAtBoot(get) : CpuSet.empty
  return {
    ...located(sets, () => resolveTarget({flag: asked.cpus, config: sets, online: machine, booted})),
    policy: asked.policy ?? config.policy ?? {kind: 'other'},
    windowMs: asked.windowMs ?? 10_000,
    ...(config.workload ? {workload: config.workload.flatMap(meantBy)} : {}),
    ...(config.devices ? {devices: config.devices} : {}),
    ...(config.hugepages ? {hugepages: sizesInKb(config.hugepages)} : {}),
    boot: {isolation: config.isolation ?? 'static', extra: config.bootArguments ?? []},
  }
}

/**
 * The CPUs of isolcpus= and nohz_full= together. Throws UserError when they are not known: fewer CPUs
 * than were isolated would be judged.
 */
async function isolatedAtBoot(get: Get): Promise<CpuSet> {
  try {
    // Only a few boots pass managed_irq alone. Its CPUs come from /proc/cmdline, which a capture may lack.
    const managed = await get(managedIrqAtBoot).catch(() => CpuSet.empty)
    return (await get(bootIsolatedOrDerived)).union(await get(nohzFullOrDerived)).union(managed)
  } catch (cause) {
    throw new UserError(`cannot tell which CPUs are isolated at boot: ${(cause as Error).message}`, {
      exit: Exit.unsuitable,
      help: 'choose CPUs with --cpus 2-3, or with "isolated: 2-3" in the config',
      cause,
    })
  }
}

/** An error about a set of the config gets the file, the line and the key. */
function located<T>({isolated, housekeeping, at}: ConfiguredSets, resolve: () => T): T {
  try {
    return resolve()
  } catch (error) {
    if (!(error instanceof UserError) || at === undefined || !(isolated ?? housekeeping)) throw error
    const {help, code, exit} = error
    const message = `${at}: ${isolated ? 'isolated' : 'housekeeping'}: ${error.message}`
    const options = {
      exit,
      ...(help === undefined ? {} : {help}),
      ...(code === undefined ? {} : {code}),
      cause: error,
    }
    throw error instanceof NoTarget
      ? new NoTarget(message, {...options, listed: error.listed})
      : new UserError(message, options)
  }
}

/** {unit: 'dpdk.service'} becomes {by: 'unit', name: 'dpdk.service'}. */
const meantBy = (entry: NonNullable<Config['workload']>[number]): readonly Meant[] =>
  WORKLOAD_KEYS.flatMap((by) => {
    const name = entry[by]
    return name === undefined ? [] : [{by, name}]
  })

const UNIT_KB = {K: 1, M: 1024, G: 1024 * 1024} as const

/** "2M" becomes 2048. */
function sizesInKb(pages: NonNullable<Config['hugepages']>): ReadonlyMap<number, number> {
  return new Map(
    Object.entries(pages).map(([size, count]) => [
      Number.parseInt(size, 10) * UNIT_KB[size.slice(-1) as keyof typeof UNIT_KB],
      count,
    ]),
  )
}
