// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {bootIsolated, nohzFull} from './cpus.ts'
import {defineFact, parsed} from './fact.ts'
import {everyTask} from './tasks.ts'

/** The environment files of Debian, and of Fedora and openSUSE. */
const ENVIRONMENTS = ['/etc/default/irqbalance', '/etc/sysconfig/irqbalance']
const UNITS = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system']

/**
 * isolctl's drop-in for irqbalance.service. Its environment file is read after the distribution's,
 * and the last assignment counts.
 */
export const IRQBALANCE_FOLDER = '/etc/systemd/system/irqbalance.service.d'
export const IRQBALANCE_DROP_IN = `${IRQBALANCE_FOLDER}/60-isolctl.conf`
export const IRQBALANCE_ENVIRONMENT = `${IRQBALANCE_FOLDER}/60-isolctl.env`

export interface Irqbalance {
  readonly running: boolean
  /**
   * The pid of the daemon, and the CPUs that it was started to avoid, from its environment
   * (readable by root).
   */
  readonly pid?: number
  readonly inForce?: CpuSet
  /**
   * The file from which the ban was read: the daemon's environ or a configuration file. Absent when
   * none could be read.
   */
  readonly from?: string
  /** irqbalance has a systemd unit. */
  readonly unit: boolean
  /**
   * CPUs that irqbalance will not use after its next start: those that the administrator banned,
   * else those that irqbalance detects as isolated (irqbalance, cputree.c: setup_banned_cpus).
   */
  readonly banned: CpuSet
  readonly folder: boolean
  /** The contents of isolctl's files. */
  readonly dropIn?: string
  readonly environment?: string
}

/** Undefined when irqbalance is neither installed nor running. */
export const irqbalance = defineFact<Irqbalance | undefined>('irqbalance', async (host, get) => {
  const daemon = (await get(everyTask)).find(({pid, tid, comm}) => pid === tid && comm === 'irqbalance')
  const running = daemon !== undefined
  let unit = false
  for (const folder of UNITS) unit ||= (await host.read(`${folder}/irqbalance.service`)) !== undefined
  if (!running && !unit) return undefined
  const none = () => CpuSet.empty
  const found = (await get(bootIsolated).catch(none)).union(await get(nohzFull).catch(none))
  const dropIn = await host.read(IRQBALANCE_DROP_IN)
  const environment = await host.read(IRQBALANCE_ENVIRONMENT)
  const theirs = await bans(host, ENVIRONMENTS)
  const ours = dropIn === undefined ? undefined : await bans(host, [IRQBALANCE_ENVIRONMENT])
  const environ = `/proc/${daemon?.pid}/environ`
  const started = running ? await host.read(environ).catch(() => undefined) : undefined
  const inForce = started === undefined ? undefined : (bannedIn(environ, started) ?? found)
  const readable = [...(started === undefined ? [] : [environ]), ...(await existing(host, ENVIRONMENTS))]
  return {
    running,
    unit,
    ...(daemon ? {pid: daemon.pid} : {}),
    ...(inForce ? {inForce} : {}),
    ...(readable[0] === undefined ? {} : {from: readable[0]}),
    banned: ours ?? theirs ?? found,
    folder: await host.isFolder(IRQBALANCE_FOLDER),
    ...(dropIn === undefined ? {} : {dropIn}),
    ...(environment === undefined ? {} : {environment}),
  }
})

/** The CPUs that the last file with a ban bans. Throws Error when a ban cannot be parsed. */
async function bans(host: HostView, paths: readonly string[]): Promise<CpuSet | undefined> {
  let banned: CpuSet | undefined
  for (const path of paths) banned = bannedIn(path, (await host.read(path)) ?? '') ?? banned
  return banned
}

/** The ban in a configuration file, or in /proc/PID/environ, whose entries end in NUL. */
function bannedIn(path: string, text: string): CpuSet | undefined {
  let banned: CpuSet | undefined
  for (const line of text.split(/[\n\0]/)) {
    const [, name, value = ''] = /^\s*IRQBALANCE_BANNED_(CPULIST|CPUS)=["']?([^"'#]*)/.exec(line) ?? []
    if (name === undefined || value.trim() === '') continue
    banned = parsed(path, value, name === 'CPUS' ? CpuSet.fromMask : CpuSet.parse)
  }
  return banned
}

async function existing(host: HostView, paths: readonly string[]): Promise<readonly string[]> {
  const found: string[] = []
  for (const path of paths) if ((await host.read(path)) !== undefined) found.push(path)
  return found
}
