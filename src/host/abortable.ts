// SPDX-License-Identifier: MIT
import type {HostView} from './host.ts'

/** The same machine, on which every wait ends as soon as `signal` aborts: with an error, so that nothing is concluded. */
export function abortable(host: HostView, signal: AbortSignal): HostView {
  const {live} = host
  if (!live) return host
  return {...host, live: {...live, sleep: (ms, also = signal) => live.sleep(ms, also)}}
}
