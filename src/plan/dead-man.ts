// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import process from 'node:process'
import {execa} from 'execa'
import type {Host} from '../host/host.ts'
import {packageRoot} from '../lib/assets.ts'
import {cleanEnvironment} from '../lib/programs.ts'
import {requireRootsProgram} from '../lib/trust.ts'
import {type ApplyEvent, apply} from './apply.ts'
import type {Plan} from './plan.ts'
import {type JournaledRun, newRun} from './run.ts'

/**
 * Absolute paths of Node.js and of isolctl's entry script, for calls without a shell and a PATH.
 */
export const OURSELVES: readonly [string, string] = [process.execPath, join(packageRoot, 'bin/run.js')]

const unitOf = (run: string) => `isolctl-undo-${run}`

/**
 * Make sure that a run is undone after this time in milliseconds unless it is confirmed before,
 * also when the connection and this process are gone. On systemd this is a transient timer, which
 * survives the end of the login session; elsewhere it is a process in a session of its own. Throws
 * when neither can be started.
 */
export async function arm(host: Host, run: string, ms: number): Promise<void> {
  const undo = [...OURSELVES, 'undo', '--run', run, '--unless-confirmed']
  if (await host.isFolder('/run/systemd/system')) {
    const when = ['--on-active', `${ms}ms`, '--timer-property=AccuracySec=100ms']
    await host.run(['systemd-run', '--quiet', '--collect', `--unit=${unitOf(run)}`, ...when, '--', ...undo])
    return
  }
  const [node, ...words] = undo
  const child = execa(node ?? '', [...words, '--after', `${ms}ms`], {
    detached: true,
    cleanup: false,
    stdio: 'ignore',
    reject: false,
    env: cleanEnvironment(),
    extendEnv: false,
  })
  await new Promise<void>((resolve, reject) => {
    child.nodeChildProcess.once('spawn', resolve)
    child.nodeChildProcess.once('error', reject)
  })
  child.nodeChildProcess.unref()
}

/**
 * Apply with a dead man's switch when a time is given. It is armed before the first change, because
 * a change that cuts off the operator may also end this process.
 */
export async function* withDeadMan(
  plan: Plan,
  options: JournaledRun & {readonly requireProgram?: (purpose: string) => Promise<void>},
  withinMs: number | undefined,
): AsyncGenerator<ApplyEvent> {
  if (withinMs === undefined) return yield* apply(plan, options)
  const {host, clock} = options
  await (options.requireProgram ?? requireRootsProgram)('the undo of --confirm-within')
  const run = newRun()
  await arm(host, run, withinMs)
  let stays = false
  try {
    const confirmBy = new Date(Date.parse(clock()) + withinMs).toISOString()
    for await (const event of apply(plan, {...options, run, confirmBy})) {
      if (event.type === 'end') stays = event.outcome.status !== 'undone'
      yield event
    }
  } finally {
    if (!stays) await disarm(host, run)
  }
}

/**
 * Stop the timer after a confirmation, or when there is nothing to undo. An error is ignored: the
 * timer's undo finds nothing to do.
 */
export async function disarm(host: Host, run: string): Promise<void> {
  if (await host.isFolder('/run/systemd/system').catch(() => false))
    await host.run(['systemctl', 'stop', `${unitOf(run)}.timer`]).catch(() => {})
}
