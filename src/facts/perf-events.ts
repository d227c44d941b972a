// SPDX-License-Identifier: MIT

import type {HostView} from '../host/host.ts'
import {NotMeasured} from '../host/host.ts'
import {defineFact} from './fact.ts'
import {everyTask, type Listed} from './tasks.ts'

/**
 * Programs that hold perf events open. The kernel does not report whether an event counts on an
 * isolated CPU; a profiler of the whole machine has one on each CPU. Root only, as the open files
 * of other users are.
 */
export const perfUsers = defineFact<readonly Listed[]>('perf-users', async (host, get) => {
  const {link} = host
  if (!host.live || !link) throw new NotMeasured('a captured machine has no open files of its programs')
  const processes = (await get(everyTask)).filter(({pid, tid}) => pid === tid)
  const found: Listed[] = []
  let refused: unknown
  for (const task of processes) {
    try {
      if (await holdsEvents(host, link, task.pid)) found.push(task)
    } catch (error) {
      refused ??= error // the other programs may still be readable
    }
  }
  if (found.length === 0 && refused !== undefined) throw refused
  return found
})

type Link = NonNullable<HostView['link']>

async function holdsEvents(host: HostView, link: Link, pid: number): Promise<boolean> {
  const folder = `/proc/${pid}/fd`
  for (const name of await host.list(folder))
    if ((await link(`${folder}/${name}`)) === 'anon_inode:[perf_event]') return true
  return false
}
