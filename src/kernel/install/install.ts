// SPDX-License-Identifier: MIT
import {dirname} from 'node:path'
import {sweep} from '../../host/fresh.ts'
import type {Host} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import type {Progress} from '../../lib/progress.ts'
import type {BootControl} from './boot-control.ts'
import {inspectPackage, type KernelPackage, requireRoom} from './kernel-package.ts'
import {
  type Circumstances,
  type Fate,
  fateOf,
  type Gate,
  type InstalledBuild,
  type InstalledKernel,
  RECORDS,
  readRecord,
  readRecords,
  TRIAL_LOG,
  writeRecord,
} from './record.ts'
import {CONFIRMED, GUARD_UNIT, guardUnit, TRIAL_UNIT, trialArguments, trialUnit} from './units.ts'

export interface Ground {
  readonly host: Host
  readonly control: BootControl
  /** `uname -r` of now. */
  readonly running: string
  readonly bootId: string
  /** ISO 8601, UTC. */
  readonly clock: () => string
  readonly progress: Progress
}

export interface InstallOptions {
  readonly file: string
  /** What it was built as, where that is known. */
  readonly build?: InstalledBuild | undefined
  readonly gate: Gate
  /** How long a trial may take to be judged. */
  readonly confirmWithinMs: number
  /** How to start us again. */
  readonly isolctl: readonly string[]
}

/** What install would do, and whether it may: throws UserError before anything is touched. */
export async function planInstall(ground: Ground, {file}: InstallOptions): Promise<KernelPackage> {
  const {host, control, running} = ground
  const found = await inspectPackage(host, file)
  const {release} = found
  if (await onTrial(host))
    throw new UserError(
      'this boot is the trial of a kernel: nothing is installed on ground that may give way',
      {
        exit: Exit.unsuitable,
        code: 'on-trial',
        help: 'wait until it is judged, or decide: isolctl kernel promote, or restart to go back',
      },
    )
  if (release === running)
    throw new UserError(`${release} is the kernel that runs: installing over it leaves no way back`, {
      exit: Exit.unsuitable,
      code: 'running',
      help: 'build it under another name (isolctl kernel build does), or start another kernel first',
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
    throw new UserError(`${other.release} waits for its trial: one at a time`, {
      exit: Exit.unsuitable,
      code: 'trial-pending',
      help: `restart to try it, or give it up: isolctl kernel remove ${other.release}`,
    })
  await control.requireOneShot()
  await control.requireEntry(running)
  await requireRoom(host, found, running)
  return found
}

/**
 * Install a kernel so that it boots once, and for good only after it proved itself. Every step may be repeated, and the
 * order is what makes a power cut harmless: the kernel that runs is pinned as the default before dpkg comes near, and
 * the one-shot boot is set last. Throws UserError; what was done until then is safe to leave, and to do again.
 */
export async function install(
  ground: Ground,
  options: InstallOptions,
  found: KernelPackage,
): Promise<InstalledKernel> {
  const {host, control, running, bootId, clock, progress} = ground
  const {release} = found
  const event = (text: string) => ({at: clock(), bootId, event: text})
  await sweepUp(ground)
  const before = await readRecord(host, release)
  const begun: InstalledKernel = {
    schema: 'isolctl.installed-kernel/1',
    release,
    package: found.name,
    knownGood: running,
    ...(options.build === undefined ? {} : {build: options.build}),
    gate: options.gate,
    state: 'installing',
    history: [...(before?.history ?? []), event(`installation of ${found.version} begun`)],
  }
  await host.makeFolder(RECORDS, true)
  await writeRecord(host, release, begun)
  await progress.step(`keep ${running} the default`, () => control.pin(running))
  await progress.step(`install ${found.name} ${found.version}`, () => unpack(host, found))
  await progress.step('prepare the trial', async () => {
    await control.pin(running) // what dpkg ran may have generated everything anew
    await host.writeFile(GUARD_UNIT, guardUnit(Math.ceil(options.confirmWithinMs / 1000)))
    await host.writeFile(TRIAL_UNIT, trialUnit(options.isolctl))
    await host.run(['systemctl', 'daemon-reload']).catch(() => {}) // in a rescue shell there is none to reload
    await forget(host, release)
    await host.run(['sync']) // what dpkg wrote is on the disk before an entry names it
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

/** What an installation that was cut off left half written. */
async function sweepUp({host, control}: Ground): Promise<void> {
  for (const folder of [RECORDS, dirname(TRIAL_UNIT), ...control.folders]) await sweep(host, folder)
}

async function unpack(host: Host, {file, release}: KernelPackage): Promise<void> {
  await host.run(['dpkg', '--force-confold', '--install', file])
  const there = await host.list('/boot')
  if (!there.includes(`vmlinuz-${release}`))
    throw new UserError(`dpkg installed ${file}, and /boot/vmlinuz-${release} is not there`, {
      exit: Exit.unsuitable,
    })
}

/** What earlier trials of the same release wrote must not be taken for news. */
async function forget(host: Host, release: string): Promise<void> {
  const log = await host.read(TRIAL_LOG)
  if (log === undefined) return
  const kept = log.split('\n').filter((line) => line !== '' && !line.startsWith(`${release} `))
  await host.writeFile(TRIAL_LOG, kept.map((line) => `${line}\n`).join(''))
}

/** Whether this boot is a trial, by its own arguments. */
export async function onTrial(host: Pick<Host, 'read'>): Promise<string | undefined> {
  return / isolctl\.trial=(\S+)/.exec(` ${(await host.read('/proc/cmdline')) ?? ''}`)?.[1]
}

/** Make the kernel that runs the default, and end its trial. Throws UserError for any kernel but the one that runs. */
export async function promote(ground: Ground, release: string, why: string): Promise<InstalledKernel> {
  const {host, control, running} = ground
  const record = await ours(host, release)
  if (release !== running)
    throw new UserError(`${release} does not run: only a kernel that came up can become the default`, {
      exit: Exit.unsuitable,
      code: 'not-running',
      help: 'restart into its trial first; isolctl kernel list says whether it is set up',
    })
  await ground.progress.step(`make ${release} the default`, () => control.pin(release))
  await host.writeFile(CONFIRMED, `${ground.bootId}\n`)
  await control.dropTrial()
  return await close(ground, record, 'promoted', why)
}

/** Make the kernel before it the default again; the package stays. Takes effect at the next restart. */
export async function rollback(ground: Ground, release: string): Promise<InstalledKernel> {
  const {host, control} = ground
  const record = await ours(host, release)
  await ground.progress.step(`make ${record.knownGood} the default`, () => control.pin(record.knownGood))
  if (await control.armed()) await control.disarm()
  await control.dropTrial()
  return await close(ground, record, 'rolled-back', `${record.knownGood} is the default again`)
}

/** Take a kernel away. Throws UserError for the one that runs. */
export async function remove(ground: Ground, release: string): Promise<void> {
  const {host, control, running} = ground
  const record = await ours(host, release)
  if (release === running)
    throw new UserError(`${release} is the kernel that runs, and cannot be removed`, {
      exit: Exit.unsuitable,
      code: 'running',
      help: `isolctl kernel rollback, restart, then isolctl kernel remove ${release}`,
    })
  if (!(await host.list('/boot')).includes(`vmlinuz-${record.knownGood}`))
    throw new UserError(`${record.knownGood}, the kernel to fall back to, is not installed any more`, {
      exit: Exit.unsuitable,
      code: 'no-way-back',
      help: 'install another kernel of the distribution first',
    })
  await sweepUp(ground)
  await rollback(ground, release)
  await ground.progress.step(`remove ${record.package}`, () => host.run(['dpkg', '--purge', record.package]))
  await host.writeFile(TRIAL_UNIT, null)
  await host.writeFile(GUARD_UNIT, null)
  await forget(host, release)
  const others = (await readRecords(host)).filter((each) => each.release !== release)
  if (others.length === 0) await control.unpin()
  else await control.pin(record.knownGood)
  await writeRecord(host, release, null)
}

/** A trial that was judged and found wanting: written down before the machine goes back. */
export async function condemn(ground: Ground, release: string, why: string): Promise<InstalledKernel> {
  const record = await ours(ground.host, release)
  await ground.control.dropTrial()
  return await close(ground, record, 'failed', why)
}

async function close(
  {host, bootId, clock}: Ground,
  record: InstalledKernel,
  state: InstalledKernel['state'],
  event: string,
): Promise<InstalledKernel> {
  const closed = {...record, state, history: [...record.history, {at: clock(), bootId, event}]}
  await writeRecord(host, record.release, closed)
  return closed
}

async function ours(host: Host, release: string): Promise<InstalledKernel> {
  const record = await readRecord(host, release)
  if (record !== undefined) return record
  throw new UserError(`isolctl did not install ${release}`, {
    help: 'isolctl kernel list shows what it did install',
    code: 'not-ours',
  })
}

/** The kernel that promote, rollback and verify mean when none is named: the only one, or the one that runs. */
export async function onlyRelease({host, running}: Ground, named: string | undefined): Promise<string> {
  if (named !== undefined) return named
  const releases = (await readRecords(host)).map(({release}) => release)
  if (releases.includes(running)) return running
  const [only, ...more] = releases
  if (only !== undefined && more.length === 0) return only
  throw new UserError(
    only === undefined ? 'isolctl has installed no kernel here' : `which one: ${releases.join(', ')}?`,
    {help: 'isolctl kernel list; then name the release'},
  )
}

export interface ListedKernel {
  readonly release: string
  readonly running: boolean
  readonly default: boolean
  /** The patches in it; absent for a package that came without a manifest. */
  readonly series?: InstalledBuild['series']
  /** What became of it; absent for kernels that isolctl did not install. */
  readonly fate?: Fate
}

/** Every kernel in /boot, and those that we installed and lost. */
export async function listKernels({host, control, running}: Ground): Promise<readonly ListedKernel[]> {
  const records = new Map((await readRecords(host)).map((record) => [record.release, record]))
  const images = (await host.list('/boot')).flatMap((name) => /^vmlinuz-(.+)$/.exec(name)?.[1] ?? [])
  const circumstances: Circumstances = {
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
      ...(record === undefined ? {} : {fate: fateOf(record, circumstances)}),
    }
  })
}
