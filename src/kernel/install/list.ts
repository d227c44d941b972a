// SPDX-License-Identifier: MIT
import {type BootState, type Fate, fateOf, type InstalledBuild, readRecords, TRIAL_LOG} from './record.ts'
import {onTrial, type TrialMachine} from './trial-machine.ts'

export interface ListedKernel {
  readonly release: string
  readonly running: boolean
  readonly default: boolean
  /** The patches in it; absent for a package without a manifest. */
  readonly series?: InstalledBuild['series']
  /** The state of its trial; absent for a kernel that isolctl did not install. */
  readonly fate?: Fate
}

/** Every kernel in /boot, and those of a record that /boot no longer has. */
export async function listKernels({host, control, running}: TrialMachine): Promise<readonly ListedKernel[]> {
  const records = new Map((await readRecords(host)).map((record) => [record.release, record]))
  const images = (await host.list('/boot')).flatMap((name) => /^vmlinuz-(.+)$/.exec(name)?.[1] ?? [])
  const state: BootState = {
    running,
    trial: await onTrial(host),
    armed: await control.armed(),
    log: (await host.read(TRIAL_LOG)) ?? '',
  }
  const chosen = await control.defaultRelease()
  return [...new Set([...images, ...records.keys()])].map((release) => {
    const record = records.get(release)
    return {
      release,
      running: release === running,
      default: release === chosen,
      ...(record?.build === undefined ? {} : {series: record.build.series}),
      ...(record === undefined ? {} : {fate: fateOf(record, state)}),
    }
  })
}
