// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {bootIsolated, nohzFull} from './cpus.ts'
import {defineFact, parsed} from './fact.ts'
import {everyTask} from './tasks.ts'

/** Debian's, and Fedora's and openSUSE's. */
const ENVIRONMENTS = ['/etc/default/irqbalance', '/etc/sysconfig/irqbalance']
const UNITS = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system']

/** Where our own words for irqbalance go. An environment file of ours is read after theirs, and the last one counts. */
export const IRQBALANCE_FOLDER = '/etc/systemd/system/irqbalance.service.d'
export const IRQBALANCE_DROP_IN = `${IRQBALANCE_FOLDER}/60-isolctl.conf`
export const IRQBALANCE_ENVIRONMENT = `${IRQBALANCE_FOLDER}/60-isolctl.env`

export interface Irqbalance {
  readonly running: boolean
  /** Its process, and what that was told at its start, where its environment can be read (root). */
  readonly pid?: number
  readonly inForce?: CpuSet
  /** Where the ban was read: its environment, a file; absent: nowhere, or nothing could be read. */
  readonly from?: string
  /** There is a systemd unit of it. */
  readonly unit: boolean
  /**
   * CPUs it will leave alone at its next start: those its administrator banned, or, where nobody did, those it finds
   * isolated by itself (irqbalance, cputree.c: setup_banned_cpus).
   */
  readonly banned: CpuSet
  readonly folder: boolean
  /** Our own files, as they are. */
  readonly dropIn?: string
  readonly environment?: string
}

/** Undefined where irqbalance is neither installed nor running. */
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
  const told = started === undefined ? undefined : (bannedIn(environ, started) ?? found)
  const readable = [...(started === undefined ? [] : [environ]), ...(await existing(host, ENVIRONMENTS))]
  return {
    running,
    unit,
    ...(daemon ? {pid: daemon.pid} : {}),
    ...(told ? {inForce: told} : {}),
    ...(readable[0] === undefined ? {} : {from: readable[0]}),
    banned: ours ?? theirs ?? found,
    folder: await host.isFolder(IRQBALANCE_FOLDER),
    ...(dropIn === undefined ? {} : {dropIn}),
    ...(environment === undefined ? {} : {environment}),
  }
})

/** What the last of these files that says something bans. Throws when it cannot be understood. */
async function bans(host: HostView, paths: readonly string[]): Promise<CpuSet | undefined> {
  let banned: CpuSet | undefined
  for (const path of paths) banned = bannedIn(path, (await host.read(path)) ?? '') ?? banned
  return banned
}

/** Lines of a file, or of /proc/PID/environ, which end in NUL. */
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
