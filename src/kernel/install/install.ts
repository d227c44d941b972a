// SPDX-License-Identifier: MIT
import type {Host} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {inspectPackage, type KernelPackage, requireRoom} from './kernel-package.ts'
import {
  type Gate,
  type InstalledBuild,
  type InstalledKernel,
  RECORDS,
  readRecord,
  readRecords,
  writeRecord,
} from './record.ts'
import {DPKG_GRACE_MS, forgetTrials, onTrial, sweepUp, type TrialMachine} from './trial-machine.ts'
import {GUARD_UNIT, guardUnit, TRIAL_UNIT, trialArguments, trialUnit} from './units.ts'

export interface InstallOptions {
  readonly file: string
  /** The build in its manifest, if there is one. */
  readonly build?: InstalledBuild | undefined
  readonly gate: Gate
  /** How long a trial may take until it is judged. */
  readonly confirmWithinMs: number
  /** The command that starts isolctl. */
  readonly isolctl: readonly string[]
}

/** Inspect the package, and throw UserError if it cannot be installed. Nothing is changed. */
export async function planInstall(machine: TrialMachine, {file}: InstallOptions): Promise<KernelPackage> {
  const {host, control, running} = machine
  const found = await inspectPackage(host, file)
  const {release} = found
  if (await onTrial(host))
    throw new UserError('this boot is the trial of a kernel: nothing can be installed until it is judged', {
      exit: Exit.unsuitable,
      code: 'on-trial',
      help: 'wait for the judgement, or run isolctl kernel promote, or restart to go back',
    })
  if (release === running)
    throw new UserError(`${release} is the running kernel: installing over it leaves no way back`, {
      exit: Exit.unsuitable,
      code: 'running',
      help: 'build it under another name (isolctl kernel build does), or boot another kernel first',
    })
  const record = await readRecord(host, release)
  if (record === undefined && (await host.list('/boot')).includes(`vmlinuz-${release}`))
    throw new UserError(`${release} is installed already, and not by isolctl`, {
      exit: Exit.unsuitable,
      code: 'not-ours',
      help: `remove its package first: apt-get purge ${found.name}`,
    })
  const other = (await readRecords(host)).find((each) => each.state === 'armed' && each.release !== release)
  if (other !== undefined && (await control.armed()))
    throw new UserError(`${other.release} waits for its trial, and only one kernel can be tried at a time`, {
      exit: Exit.unsuitable,
      code: 'trial-pending',
      help: `restart to try it, or remove it: isolctl kernel remove ${other.release}`,
    })
  await control.requireOneShot()
  await control.requireEntry(running)
  await requireRoom(host, found, running)
  return found
}

/**
 * Install a kernel so that it boots once; it becomes the default only after its trial passed. Every
 * step can be repeated. The order makes a power cut harmless: the running kernel is pinned as the
 * default before dpkg runs, and the one-shot boot is set last. Throws UserError; the machine then
 * boots as before, and the installation can be repeated.
 */
export async function install(
  machine: TrialMachine,
  options: InstallOptions,
  found: KernelPackage,
): Promise<InstalledKernel> {
  const {host, control, running, bootId, clock, progress} = machine
  const {release} = found
  const event = (text: string) => ({at: clock(), bootId, event: text})
  await sweepUp(machine)
  const before = await readRecord(host, release)
  const begun: InstalledKernel = {
    schema: 'isolctl.installed-kernel/1',
    release,
    package: found.name,
    knownGood: running,
    ...(options.build === undefined ? {} : {build: options.build}),
    gate: options.gate,
    state: 'installing',
    history: [...(before?.history ?? []), event(`installation of ${found.version} started`)],
  }
  await host.makeFolder(RECORDS, true)
  await writeRecord(host, release, begun)
  await progress.step(`keep ${running} the default`, () => control.pin(running))
  await progress.step(`install ${found.name} ${found.version}`, () => unpack(host, found))
  await progress.step('prepare the trial', async () => {
    await control.pin(running) // the hooks of dpkg may have generated the configuration again
    await host.writeFile(GUARD_UNIT, guardUnit(Math.ceil(options.confirmWithinMs / 1000)))
    await host.writeFile(TRIAL_UNIT, trialUnit(options.isolctl))
    await host.run(['systemctl', 'daemon-reload']).catch(() => {}) // a rescue shell has no systemd
    await forgetTrials(host, release)
    await host.run(['sync']) // the files of dpkg are on the disk before an entry names them
    await control.writeTrial(release, running, trialArguments(release))
    await control.arm()
  })
  const armed: InstalledKernel = {
    ...begun,
    state: 'armed',
    history: [...begun.history, event('installed; boots once at the next restart')],
  }
  await writeRecord(host, release, armed)
  return armed
}

async function unpack(host: Host, {file, release}: KernelPackage): Promise<void> {
  await host.run(['dpkg', '--force-confold', '--install', file], {graceMs: DPKG_GRACE_MS})
  const there = await host.list('/boot')
  if (!there.includes(`vmlinuz-${release}`))
    throw new UserError(`dpkg installed ${file}, but /boot/vmlinuz-${release} does not exist`, {
      exit: Exit.unsuitable,
    })
}
