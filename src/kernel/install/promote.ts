// SPDX-License-Identifier: MIT
import type {Host} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {type InstalledKernel, readRecord, readRecords, writeRecord} from './record.ts'
import {DPKG_GRACE_MS, forgetTrials, sweepUp, type TrialMachine} from './trial-machine.ts'
import {CONFIRMED, GUARD_UNIT, TRIAL_UNIT} from './units.ts'

/**
 * The release that promote and rollback act on if none is named: the running kernel if isolctl
 * installed it, else the only installed one. Throws UserError if there is none, or several.
 */
export async function onlyRelease({host, running}: TrialMachine, named: string | undefined): Promise<string> {
  if (named !== undefined) return named
  const releases = (await readRecords(host)).map(({release}) => release)
  if (releases.includes(running)) return running
  const [only, ...more] = releases
  if (only !== undefined && more.length === 0) return only
  throw new UserError(
    only === undefined
      ? 'isolctl has installed no kernel'
      : `isolctl has installed several kernels: ${releases.join(', ')}`,
    {help: 'isolctl kernel list; then name the release'},
  )
}

/**
 * Make the running kernel the default, and end its trial. Throws UserError (exit 69) for another
 * kernel.
 */
export async function promote(machine: TrialMachine, release: string, why: string): Promise<InstalledKernel> {
  const {host, control, running} = machine
  const record = await ours(host, release)
  if (release !== running)
    throw new UserError(`${release} does not run: only the running kernel can become the default`, {
      exit: Exit.unsuitable,
      code: 'not-running',
      help: 'restart into its trial first; isolctl kernel list shows whether a trial is set up',
    })
  await machine.progress.step(`make ${release} the default`, () => control.pin(release))
  await host.writeFile(CONFIRMED, `${machine.bootId}\n`)
  await control.dropTrial()
  return await close(machine, record, 'promoted', why)
}

/**
 * Make the kernel before it the default again, from the next restart on. The package stays
 * installed.
 */
export async function rollback(machine: TrialMachine, release: string): Promise<InstalledKernel> {
  const {host, control} = machine
  const record = await ours(host, release)
  await machine.progress.step(`make ${record.knownGood} the default`, () => control.pin(record.knownGood))
  if (await control.armed()) await control.disarm()
  await control.dropTrial()
  return await close(machine, record, 'rolled-back', `${record.knownGood} is the default again`)
}

/**
 * Remove a kernel. Throws UserError (exit 69) for the running kernel, and if the kernel to fall
 * back to is gone.
 */
export async function remove(machine: TrialMachine, release: string): Promise<void> {
  const {host, control, running} = machine
  const record = await ours(host, release)
  if (release === running)
    throw new UserError(`${release} is the running kernel, and cannot be removed`, {
      exit: Exit.unsuitable,
      code: 'running',
      help: `isolctl kernel rollback, restart, then isolctl kernel remove ${release}`,
    })
  if (!(await host.list('/boot')).includes(`vmlinuz-${record.knownGood}`))
    throw new UserError(`${record.knownGood}, the kernel to fall back to, is not installed`, {
      exit: Exit.unsuitable,
      code: 'no-way-back',
      help: 'install another kernel of the distribution first',
    })
  await sweepUp(machine)
  await rollback(machine, release)
  await machine.progress.step(`remove ${record.package}`, () =>
    host.run(['dpkg', '--purge', record.package], {graceMs: DPKG_GRACE_MS}),
  )
  await host.writeFile(TRIAL_UNIT, null)
  await host.writeFile(GUARD_UNIT, null)
  await forgetTrials(host, release)
  const others = (await readRecords(host)).filter((each) => each.release !== release)
  if (others.length === 0) await control.unpin()
  else await control.pin(record.knownGood)
  await writeRecord(host, release, null)
}

/** Record that a trial failed, before the machine restarts into the kernel before it. */
export async function condemn(machine: TrialMachine, release: string, why: string): Promise<InstalledKernel> {
  const record = await ours(machine.host, release)
  await machine.control.dropTrial()
  return await close(machine, record, 'failed', why)
}

async function close(
  {host, bootId, clock}: TrialMachine,
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
