// SPDX-License-Identifier: MIT

import type {HostView} from '../host/host.ts'
import {NotMeasured} from '../host/host.ts'
import {defineFact} from './fact.ts'
import {everyTask, type Listed} from './tasks.ts'

/**
 * Programs that hold performance events open. Whether these count on an isolated CPU the kernel does not tell: a profiler
 * of the whole machine has one on each. Root only, as the open files of others are.
 */
export const perfUsers = defineFact<readonly Listed[]>('perf-users', async (host, get) => {
  const {link} = host
  if (!host.live || !link)
    throw new NotMeasured('a captured machine does not keep the open files of its programs')
  const processes = (await get(everyTask)).filter(({pid, tid}) => pid === tid)
  const found: Listed[] = []
  let refused: unknown
  for (const task of processes) {
    try {
      if (await holdsEvents(host, link, task.pid)) found.push(task)
    } catch (error) {
      refused ??= error // one program may be closed to us, and another still be found
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
