// SPDX-License-Identifier: MIT
import {defineFact, NotMeasured} from './fact.ts'
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
  for (const task of processes) {
    const folder = `/proc/${task.pid}/fd`
    for (const name of await host.list(folder)) {
      if ((await link(`${folder}/${name}`)) !== 'anon_inode:[perf_event]') continue
      found.push(task)
      break
    }
  }
  return found
})
