// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import process from 'node:process'
import {execa} from 'execa'
import type {Host} from '../host/host.ts'
import {packageRoot} from '../lib/assets.ts'
import {type ApplyEvent, apply} from './apply.ts'
import type {Plan} from './plan.ts'
import {newRun, type RunOptions} from './run.ts'

/** Node and our own program, absolute: for what has to call us when no shell and no PATH is there. */
export const OURSELVES: readonly [string, string] = [process.execPath, join(packageRoot, 'bin/run.js')]

const unitOf = (run: string) => `isolctl-undo-${run}`

/**
 * See to it that a run is taken back after so many milliseconds, unless it was confirmed by then: also when the
 * connection is gone, and whoever began it with it. A timer of systemd where that runs the machine, for it survives the
 * end of a login; else a process of its own session. Throws when neither can be had.
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
  })
  await new Promise<void>((resolve, reject) => {
    child.nodeChildProcess.once('spawn', resolve)
    child.nodeChildProcess.once('error', reject)
  })
  child.nodeChildProcess.unref()
}

/**
 * Apply, with a dead man's switch where a time is given. It is armed before anything is touched: what cuts off the
 * operator may also end this process.
 */
export async function* withDeadMan(
  plan: Plan,
  options: RunOptions,
  withinMs: number | undefined,
): AsyncGenerator<ApplyEvent> {
  if (withinMs === undefined) return yield* apply(plan, options)
  const {host, clock} = options
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

/** It was confirmed, or there is nothing to take back. Should this fail, whoever wakes up finds that out by itself. */
export async function disarm(host: Host, run: string): Promise<void> {
  if (await host.isFolder('/run/systemd/system').catch(() => false))
    await host.run(['systemctl', 'stop', `${unitOf(run)}.timer`]).catch(() => {})
}
