// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {parseJson} from '../lib/files.ts'
import {type LaunchReport, LaunchSchema} from '../schema/launch.ts'

/** What standard output of isol-reporter is: see native/launch/supervisor.h. */
const REPORT = '/memfd:isolctl-report (deleted)'

/**
 * The present report of a launched program, at most about a second old; undefined: no reporter that
 * we may look at watches this process. Only on a running machine. Any process can have a file of that
 * name: it is believed if it names itself as the writer, and is root's or of the program's own user.
 */
export async function presentReport(host: HostView, pid: number): Promise<LaunchReport | undefined> {
  for (const reporter of (await host.list('/proc')).filter((name) => /^\d+$/.test(name))) {
    const path = `/proc/${reporter}/fd/1`
    // Processes that end meanwhile, and those of other users, are not ours to read.
    if ((await host.link?.(path).catch(() => undefined)) !== REPORT) continue
    // Once more, because a report may be replaced while it is read.
    const report = LaunchSchema.safeParse((await jsonIn(host, path)) ?? (await jsonIn(host, path)))
    if (!report.success || report.data.pid !== pid || report.data.reporter?.pid !== Number(reporter)) continue
    const owner = await userOf(host, reporter)
    if (owner === 0 || (owner !== undefined && owner === (await userOf(host, `${pid}`)))) return report.data
  }
  return undefined
}

/** undefined: it cannot be read, or is no JSON. */
async function jsonIn(host: HostView, path: string): Promise<unknown> {
  const bytes = await host.bytes?.(path).catch(() => undefined)
  return bytes && parseJson(Buffer.from(bytes).toString())
}

/** The real user of a process; undefined when it has ended. */
async function userOf(host: HostView, pid: string): Promise<number | undefined> {
  const status = await host.read(`/proc/${pid}/status`).catch(() => undefined)
  const user = /^Uid:\s*(\d+)/m.exec(status ?? '')?.[1]
  return user === undefined ? undefined : Number(user)
}
