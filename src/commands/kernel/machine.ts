// SPDX-License-Identifier: MIT
import {realpathSync} from 'node:fs'
import {join} from 'node:path'
import {bootId} from '../../facts/boot-id.ts'
import {gatherer} from '../../facts/fact.ts'
import {kernel} from '../../facts/kernel.ts'
import {impatient, stoppable} from '../../host/abortable.ts'
import type {Host, Live} from '../../host/host.ts'
import {bootControl} from '../../kernel/install/boot-loader.ts'
import {RECORDS} from '../../kernel/install/record.ts'
import type {TrialMachine} from '../../kernel/install/trial-machine.ts'
import {interruptible} from '../../lib/interrupt.ts'
import type {Progress} from '../../lib/progress.ts'
import {requireTrusted} from '../../lib/trust.ts'
import {STATE_DIRECTORY} from '../../model/journal.ts'
import {withJournal} from '../../plan/journal-file.ts'

/**
 * This machine, for the commands that install kernels. Throws UserError (exit 69) for an
 * unsupported boot loader.
 */
export async function trialMachine(
  host: Host & {readonly live: Live},
  progress: Progress,
): Promise<TrialMachine> {
  const get = gatherer(host)
  return {
    host,
    control: await bootControl(host),
    running: (await get(kernel)).release,
    bootId: await get(bootId),
    clock: host.live.now,
    progress,
  }
}

/**
 * Run `body` with the machine while no other isolctl changes it. A dropped connection does not stop
 * it; SIGINT and SIGTERM stop it before its next effect. Throws as trialMachine() and withJournal()
 * do, and Interrupted.
 */
export async function withTrialMachine<T>(
  host: Host & {readonly live: Live},
  progress: Progress,
  body: (machine: TrialMachine) => Promise<T>,
): Promise<T> {
  return await interruptible((signal) => withSignal(host, progress, body, signal), {outliveHangUp: true})
}

async function withSignal<T>(
  host: Host & {readonly live: Live},
  progress: Progress,
  body: (machine: TrialMachine) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const records = (await host.list(RECORDS)).map((name) => join(RECORDS, name))
  for (const path of [RECORDS, ...records])
    await requireTrusted(path, {
      what: 'the record',
      help: 'look at it, because isolctl does what is written there; then give it to root alone with chown and chmod',
    })
  return await withJournal(
    STATE_DIRECTORY,
    async () => await body(await trialMachine(stoppable(impatient(host, signal), signal), progress)),
    {signal},
  )
}

/** The command that starts isolctl, independent of the working directory. */
export function isolctlCommand(): readonly [string, ...string[]] {
  return [process.execPath, realpathSync(process.argv[1] ?? '')]
}
