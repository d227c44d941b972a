// SPDX-License-Identifier: MIT
import * as z from 'zod'
import type {Host, HostView} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {parseJson} from '../../lib/files.ts'
import {STATE_DIRECTORY} from '../../model/journal.ts'

/** One file for each kernel that we installed, and the log that a trial boot writes about itself. */
export const RECORDS = `${STATE_DIRECTORY}/kernels`
export const TRIAL_LOG = `${RECORDS}/trial.log`

/** What has to hold before a trial becomes the default: it came up; it is the kernel we built; preflight passes. */
export const GATES = ['boot', 'verify', 'preflight'] as const
export type Gate = (typeof GATES)[number]

/** What a build of ours is known by; from its manifest. */
const InstalledBuildSchema = z.strictObject({
  key: z.string(),
  buildId: z.string(),
  configSha256: z.string(),
  /** The patches in it: "6.12", how many, and their sha256. */
  series: z.strictObject({base: z.string(), patches: z.number(), sha256: z.string()}),
})
export type InstalledBuild = Readonly<z.output<typeof InstalledBuildSchema>>

const InstalledKernelSchema = z.strictObject({
  schema: z.literal('isolctl.installed-kernel/1'),
  /** What `uname -r` says. */
  release: z.string(),
  /** Its Debian package. */
  package: z.string(),
  /** The release to fall back to: the one that ran when this one was installed. */
  knownGood: z.string(),
  /** Absent for a package that came without a manifest. */
  build: InstalledBuildSchema.optional(),
  gate: z.enum(GATES),
  /**
   * installing: begun, and not yet armed; armed: the next boot is its trial, or was; failed: it was judged and found
   * wanting; promoted: the default; rolled-back: installed, and knownGood is the default again.
   */
  state: z.enum(['installing', 'armed', 'failed', 'promoted', 'rolled-back']),
  history: z.array(z.strictObject({at: z.string(), bootId: z.string(), event: z.string()})),
})
export type InstalledKernel = Readonly<z.output<typeof InstalledKernelSchema>>

const pathOf = (release: string) => `${RECORDS}/${release}.json`

/** Throws UserError for a record that is damaged: guessing what is installed could remove the wrong kernel. */
export async function readRecord(host: HostView, release: string): Promise<InstalledKernel | undefined> {
  const text = await host.read(pathOf(release))
  if (text === undefined) return undefined
  const record = InstalledKernelSchema.safeParse(parseJson(text))
  if (record.success) return record.data
  throw new UserError(`${pathOf(release)} is not a record of an installed kernel`, {
    exit: Exit.unsuitable,
    help: `it was edited, or written by a newer isolctl; look at it, and remove it to start over`,
  })
}

export async function readRecords(host: HostView): Promise<readonly InstalledKernel[]> {
  const names = (await host.list(RECORDS)).filter((name) => name.endsWith('.json'))
  const records = await Promise.all(names.map((name) => readRecord(host, name.slice(0, -'.json'.length))))
  return records.filter((record) => record !== undefined)
}

/** On the disk when it resolves. null: there is none any more. */
export async function writeRecord(
  host: Host,
  release: string,
  record: InstalledKernel | null,
): Promise<void> {
  await host.writeFile(pathOf(release), record === null ? null : `${JSON.stringify(record, null, 2)}\n`)
}

/** The kernel's own past, told when it is asked for. */
export interface Circumstances {
  /** `uname -r` of now. */
  readonly running: string
  /** The release whose trial this boot is. */
  readonly trial: string | undefined
  /** Whether the one-shot boot of a trial is still ahead. */
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
  /** One line for people. */
  readonly text: string
}

/**
 * What became of an installed kernel. A trial that ended in a panic or a hang could not write it down: that the one-shot
 * boot is spent and another kernel runs is what tells, and its log says how far it came. Pure.
 */
export function fateOf(record: InstalledKernel, {running, trial, armed, log}: Circumstances): Fate {
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
        return {what: 'unjudged', text: 'runs, and was never judged: isolctl kernel promote, or rollback'}
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
  if (events.includes('late')) return 'its trial came up and was not judged in time: it was restarted'
  if (events.includes('started')) return 'its trial started, and panicked or hung before it was judged'
  return 'its trial did not get as far as user space: it panicked, hung, or found no root file system'
}
