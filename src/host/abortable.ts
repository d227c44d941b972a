// SPDX-License-Identifier: MIT
import type {HostView} from './host.ts'

/**
 * The same machine, on which every wait rejects when `signal` aborts, so that no result comes from
 * a shortened wait.
 */
export function abortable(host: HostView, signal: AbortSignal): HostView {
  const {live} = host
  if (!live) return host
  return {...host, live: {...live, sleep: (ms, also = signal) => live.sleep(ms, also)}}
}
