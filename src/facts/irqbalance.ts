// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {CpuSet} from '../lib/cpuset.ts'
import {bootIsolated, nohzFull} from './cpus.ts'
import {defineFact} from './fact.ts'
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
  const running = (await get(everyTask)).some(({comm}) => comm === 'irqbalance')
  let unit = false
  for (const folder of UNITS) unit ||= (await host.read(`${folder}/irqbalance.service`)) !== undefined
  if (!running && !unit) return undefined
  const none = () => CpuSet.empty
  const found = (await get(bootIsolated).catch(none)).union(await get(nohzFull).catch(none))
  const dropIn = await host.read(IRQBALANCE_DROP_IN)
  const environment = await host.read(IRQBALANCE_ENVIRONMENT)
  const theirs = await bans(host, ENVIRONMENTS)
  const ours = dropIn === undefined ? undefined : await bans(host, [IRQBALANCE_ENVIRONMENT])
  return {
    running,
    unit,
    banned: ours ?? theirs ?? found,
    folder: await host.isFolder(IRQBALANCE_FOLDER),
    ...(dropIn === undefined ? {} : {dropIn}),
    ...(environment === undefined ? {} : {environment}),
  }
})

/** What the last of these files that says something bans. Throws when it cannot be understood. */
async function bans(host: HostView, paths: readonly string[]): Promise<CpuSet | undefined> {
  let banned: CpuSet | undefined
  for (const path of paths) {
    const text = await host.read(path)
    for (const line of (text ?? '').split('\n')) {
      const [, name, value = ''] = /^\s*IRQBALANCE_BANNED_(CPULIST|CPUS)=["']?([^"'#]*)/.exec(line) ?? []
      if (name === undefined || value.trim() === '') continue
      try {
        banned = name === 'CPUS' ? CpuSet.fromMask(value) : CpuSet.parse(value)
      } catch (cause) {
        throw new Error(`${path}: ${(cause as Error).message}`, {cause})
      }
    }
  }
  return banned
}
