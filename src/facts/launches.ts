// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {type LaunchReport, LaunchSchema} from '../schema/launch.ts'

/** What standard output of isol-reporter is: see native/launch/supervisor.h. */
const REPORT = '/memfd:isolctl-report (deleted)'

/**
 * The present report of a launched program, at most about a second old; undefined: no reporter that
 * we may look at watches this process. Only on a running machine.
 */
export async function presentReport(host: HostView, pid: number): Promise<LaunchReport | undefined> {
  for (const reporter of (await host.list('/proc')).filter((name) => /^\d+$/.test(name))) {
    const path = `/proc/${reporter}/fd/1`
    // Processes that end meanwhile, and those of other users, are not ours to read.
    if ((await host.link?.(path).catch(() => undefined)) !== REPORT) continue
    const bytes = await host.bytes?.(path).catch(() => undefined)
    if (bytes === undefined || bytes.length === 0) continue
    const report = LaunchSchema.safeParse(jsonOf(bytes))
    if (report.success && report.data.pid === pid) return report.data
  }
  return undefined
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return undefined // another program has a file of this name
  }
}
