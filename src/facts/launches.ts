// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {parseJson} from '../lib/files.ts'
import {type LaunchReport, LaunchSchema} from '../schema/launch.ts'

/** What standard output of isol-reporter is: see native/launch/supervisor.h. */
const REPORT = '/memfd:isolctl-report (deleted)'

export interface PresentReport {
  readonly report: LaunchReport
  /** The user who wrote it. The report of a user says nothing of processes of other users. */
  readonly owner: number
}

/**
 * The present report of a launched program, at most about a second old; undefined: no reporter that
 * we may look at watches this process. Only on a running machine. Any process can have a file of that
 * name: it is believed if it names itself as the writer, and is root's, our own or of the program's
 * own user. The kernel gives a file in memory to the user who made it, and only root can change that:
 * so a program with more rights that somebody starts with his file as its standard output does not
 * make the file root's. A reporter of another PID namespace has other numbers for the same processes.
 */
export async function presentReport(host: HostView, pid: number): Promise<PresentReport | undefined> {
  const namespace = (process: string) => host.link?.(`/proc/${process}/ns/pid`).catch(() => undefined)
  const ours = await namespace('self')
  for (const reporter of (await host.list('/proc')).filter((name) => /^\d+$/.test(name))) {
    const path = `/proc/${reporter}/fd/1`
    // Processes that end meanwhile, and those of other users, are not ours to read.
    if ((await host.link?.(path).catch(() => undefined)) !== REPORT) continue
    // Once more, because a report may be replaced while it is read.
    const found = (await reportIn(host, path)) ?? (await reportIn(host, path))
    if (found?.report.pid !== pid || found.report.reporter?.pid !== Number(reporter)) continue
    if ((await namespace(reporter)) !== ours) continue
    const {owner} = found
    if ((await usersOf(host, Number(reporter)))?.[0] !== owner) continue
    if (owner === 0 || owner === process.getuid?.() || owner === (await usersOf(host, pid))?.[0]) return found
  }
  return undefined
}

/** undefined: it cannot be read, or is no report. */
async function reportIn(host: HostView, path: string): Promise<PresentReport | undefined> {
  const file = await host.owned?.(path).catch(() => undefined)
  if (file === undefined) return undefined
  const {success, data} = LaunchSchema.safeParse(parseJson(Buffer.from(file.bytes).toString()))
  return success ? {report: data, owner: file.owner} : undefined
}

/**
 * The real, effective, saved and file system user of a process (proc(5), /proc/PID/status); undefined
 * when it has ended.
 */
export async function usersOf(host: HostView, pid: number): Promise<readonly number[] | undefined> {
  const status = await host.read(`/proc/${pid}/status`).catch(() => undefined)
  return /^Uid:((?:\s+\d+){4})$/m
    .exec(status ?? '')?.[1]
    ?.trim()
    .split(/\s+/)
    .map(Number)
}
