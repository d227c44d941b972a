// SPDX-License-Identifier: MIT

import {type HostView, tellsAbsence} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {SUBTREE_CONTROL} from './cgroup.ts'
import {defineFact, parsed, readText} from './fact.ts'

/** Whether systemd is the init system: sd_booted(3). */
export const systemd = defineFact<boolean>('systemd', (host) => host.isFolder('/run/systemd/system'))

/** The units that contain all processes except the workload (systemd.special(7)). */
const UNITS = ['init.scope', 'system.slice', 'user.slice', 'machine.slice']

export interface Slice {
  /** "user.slice". */
  readonly unit: string
  /** The effect of AllowedCPUs=; empty: no restriction. */
  readonly allowed: CpuSet
}

/**
 * The slices that exist, with their CPUs (Documentation/admin-guide/cgroup-v2.rst: cpuset.cpus).
 */
export const slices = defineFact<readonly Slice[]>('slices', async (host) => {
  const found: Slice[] = []
  for (const unit of UNITS) {
    const folder = `/sys/fs/cgroup/${unit}`
    if (!(await host.isFolder(folder))) continue
    found.push({unit, allowed: await allowedIn(host, folder)})
  }
  return found
})

/**
 * The CPUs of cpuset.cpus; empty where the parent does not enable the controller, and the file does
 * not exist. Throws Error where the file was not captured.
 */
async function allowedIn(host: HostView, folder: string): Promise<CpuSet> {
  const path = `${folder}/cpuset.cpus`
  const text = await readText(host, path)
  if (text !== undefined) return parsed(path, text, CpuSet.printed)
  const enabled = (await host.read(SUBTREE_CONTROL))?.trim().split(/\s+/)
  if (enabled?.includes('cpuset')) throw new Error(`${path} does not exist`)
  if (enabled === undefined && !tellsAbsence(host)) throw new Error(`${path} was not captured`)
  return CpuSet.empty
}

/**
 * Timers that are started at boot: the links that `systemctl enable` makes, for the administrator
 * and for packages.
 */
export const enabledTimers = defineFact<readonly string[]>('enabled-timers', async (host) => {
  const folders = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system']
  const found = new Set<string>()
  for (const folder of folders)
    for (const name of await host.list(`${folder}/timers.target.wants`)) found.add(name)
  return [...found]
})
