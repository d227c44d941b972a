// SPDX-License-Identifier: MIT
import * as z from 'zod'
import type {Host, HostView} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {parseJson} from '../../lib/files.ts'
import {STATE_DIRECTORY} from '../../model/journal.ts'

/** A file for each kernel that isolctl installed, and the log of the trial boots. */
export const RECORDS = `${STATE_DIRECTORY}/kernels`
export const TRIAL_LOG = `${RECORDS}/trial.log`

/**
 * What a trial must show before the kernel becomes the default: it boots; it is the kernel that was
 * built; preflight passes.
 */
export const GATES = ['boot', 'verify', 'preflight'] as const
export type Gate = (typeof GATES)[number]

/** How the running kernel is recognised as a build of isolctl. From the manifest of the build. */
const InstalledBuildSchema = z.strictObject({
  key: z.string(),
  buildId: z.string(),
  configSha256: z.string(),
  /** The patches in it: the base, e.g. "6.12", their number and their sha256. */
  series: z.strictObject({base: z.string(), patches: z.number(), sha256: z.string()}),
})
export type InstalledBuild = Readonly<z.output<typeof InstalledBuildSchema>>

/** A name that is an argument of dpkg and a part of a path: no option, no directory. */
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+~-]*$/)

const InstalledKernelSchema = z.strictObject({
  schema: z.literal('isolctl.installed-kernel/1'),
  /** What `uname -r` prints. */
  release: name,
  /** Its Debian package. */
  package: name,
  /** The release to fall back to, which ran when this one was installed. */
  knownGood: name,
  /** Absent for a package without a manifest. */
  build: InstalledBuildSchema.optional(),
  gate: z.enum(GATES),
  /**
   * installing: started and not yet armed. armed: its trial is the next boot, or was an earlier
   * one. failed: the judgement was negative. promoted: it is the default. rolled-back: it is
   * installed, and knownGood is the default again.
   */
  state: z.enum(['installing', 'armed', 'failed', 'promoted', 'rolled-back']),
  history: z.array(z.strictObject({at: z.string(), bootId: z.string(), event: z.string()})),
})
export type InstalledKernel = Readonly<z.output<typeof InstalledKernelSchema>>

const pathOf = (release: string) => `${RECORDS}/${release}.json`

/** Throws UserError for a damaged record: a guess could remove the wrong kernel. */
export async function readRecord(host: HostView, release: string): Promise<InstalledKernel | undefined> {
  const text = await host.read(pathOf(release))
  if (text === undefined) return undefined
  const record = InstalledKernelSchema.safeParse(parseJson(text))
  if (record.success && record.data.release === release) return record.data
  throw new UserError(`${pathOf(release)} is not a record of an installed kernel`, {
    exit: Exit.unsuitable,
    help: `it was edited, or written by a newer isolctl: look at it, and remove it to start over`,
  })
}

export async function readRecords(host: HostView): Promise<readonly InstalledKernel[]> {
  const names = (await host.list(RECORDS)).filter((name) => name.endsWith('.json'))
  const records = await Promise.all(names.map((name) => readRecord(host, name.slice(0, -'.json'.length))))
  return records.filter((record) => record !== undefined)
}

/** The record is on the disk when this resolves. null removes it. */
export async function writeRecord(
  host: Host,
  release: string,
  record: InstalledKernel | null,
): Promise<void> {
  await host.writeFile(pathOf(release), record === null ? null : `${JSON.stringify(record, null, 2)}\n`)
}

/** What the machine shows about trials, read when it is needed. */
export interface BootState {
  /** What `uname -r` prints now. */
  readonly running: string
  /** The release whose trial this boot is. */
  readonly trial: string | undefined
  /** Whether the one-shot boot of a trial is set. */
  readonly armed: boolean
  /** Lines of TRIAL_LOG: "RELEASE BOOT-ID started|late". */
  readonly log: string
}

export interface Fate {
  readonly what:
    | 'unfinished'
    | 'waiting'
    | 'on-trial'
    | 'unjudged'
    | 'trial-failed'
    | 'judged-bad'
    | 'promoted'
    | 'rolled-back'
  /** One line for the user. */
  readonly text: string
}

/**
 * The state of an installed kernel. A trial that ended in a panic or a hang leaves no record. It is
 * known because the one-shot boot is no longer set and another kernel runs; the log shows how far
 * the trial came. Pure.
 */
export function fateOf(record: InstalledKernel, {running, trial, armed, log}: BootState): Fate {
  const last = record.history.at(-1)?.event ?? ''
  switch (record.state) {
    case 'installing':
      return {what: 'unfinished', text: 'its installation did not finish: repeat it'}
    case 'promoted':
      return {what: 'promoted', text: last}
    case 'rolled-back':
      return {what: 'rolled-back', text: last}
    case 'failed':
      return {what: 'judged-bad', text: last}
    case 'armed':
      if (trial === record.release) return {what: 'on-trial', text: 'this boot is its trial'}
      if (running === record.release)
        return {what: 'unjudged', text: 'runs, but was never judged: isolctl kernel promote, or rollback'}
      if (armed) return {what: 'waiting', text: 'boots once, on trial, at the next restart'}
      return {what: 'trial-failed', text: howFar(record.release, log)}
  }
}

function howFar(release: string, log: string): string {
  const events = log
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([of]) => of === release)
    .map(([, , event]) => event)
  if (events.includes('late'))
    return 'its trial booted and was not judged in time, so that the machine was restarted'
  if (events.includes('started')) return 'its trial started, and panicked or hung before it was judged'
  return 'its trial did not get as far as user space: it panicked, hung, or found no root file system'
}
