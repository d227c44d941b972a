// SPDX-License-Identifier: MIT
import {dirname} from 'node:path'
import {sweep} from '../../host/fresh.ts'
import type {Host} from '../../host/host.ts'
import type {Progress} from '../../lib/progress.ts'
import type {BootControl} from './boot-control.ts'
import {RECORDS, TRIAL_LOG} from './record.ts'
import {TRIAL_UNIT} from './units.ts'

/**
 * dpkg writes every module, and its hooks build an initramfs. What SIGTERM leaves of it is half
 * installed, so it gets nearly all the time that init waits at a shutdown (90 s), and SIGKILL after
 * 5 s more.
 */
export const DPKG_GRACE_MS = 80_000

/** The machine on which kernels are installed and tried. */
export interface TrialMachine {
  readonly host: Host
  readonly control: BootControl
  /** What `uname -r` prints now. */
  readonly running: string
  readonly bootId: string
  /** ISO 8601, UTC. */
  readonly clock: () => string
  readonly progress: Progress
}

/** The release whose trial this boot is, from the boot arguments; undefined if it is none. */
export async function onTrial(host: Pick<Host, 'read'>): Promise<string | undefined> {
  return / isolctl\.trial=(\S+)/.exec(` ${(await host.read('/proc/cmdline')) ?? ''}`)?.[1]
}

/** Remove the half-written files of an installation that was interrupted. */
export async function sweepUp({host, control}: TrialMachine): Promise<void> {
  for (const folder of [RECORDS, dirname(TRIAL_UNIT), ...control.folders]) await sweep(host, folder)
}

/**
 * Remove the lines of a release from the trial log, so that they are not read as those of a later
 * trial.
 */
export async function forgetTrials(host: Host, release: string): Promise<void> {
  const log = await host.read(TRIAL_LOG)
  if (log === undefined) return
  const kept = log.split('\n').filter((line) => line !== '' && !line.startsWith(`${release} `))
  await host.writeFile(TRIAL_LOG, kept.map((line) => `${line}\n`).join(''))
}
