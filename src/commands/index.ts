// SPDX-License-Identifier: MIT
import type {Command} from '@oclif/core'

/**
 * Every command, by its id. The table is static: nothing is looked up on disk, and a broken import
 * fails the build. A command is loaded when it is called, because loading all commands takes
 * several times as long.
 */
const COMMANDS = {
  apply: () => import('./apply.ts'),
  capture: () => import('./capture.ts'),
  confirm: () => import('./confirm.ts'),
  explain: () => import('./explain.ts'),
  init: () => import('./init.ts'),
  'kernel:build': () => import('./kernel/build.ts'),
  'kernel:install': () => import('./kernel/install.ts'),
  'kernel:judge': () => import('./kernel/judge.ts'),
  'kernel:list': () => import('./kernel/list.ts'),
  'kernel:promote': () => import('./kernel/promote.ts'),
  'kernel:remove': () => import('./kernel/remove.ts'),
  'kernel:rollback': () => import('./kernel/rollback.ts'),
  'kernel:verify': () => import('./kernel/verify.ts'),
  'lab:build': () => import('./lab/build.ts'),
  'lab:demo': () => import('./lab/demo.ts'),
  'lab:run': () => import('./lab/run.ts'),
  'lab:shell': () => import('./lab/shell.ts'),
  'lab:story': () => import('./lab/story.ts'),
  launch: () => import('./launch.ts'),
  lint: () => import('./lint.ts'),
  measure: () => import('./measure.ts'),
  plan: () => import('./plan.ts'),
  preflight: () => import('./preflight.ts'),
  report: () => import('./report.ts'),
  status: () => import('./status.ts'),
  stop: () => import('./stop.ts'),
  topology: () => import('./topology.ts'),
  undo: () => import('./undo.ts'),
} satisfies Readonly<Record<string, () => Promise<{readonly default: Command.Class}>>>

export const COMMAND_IDS: readonly string[] = Object.keys(COMMANDS)

/**
 * The command of this id, or all commands if there is no such command. lab:story calls other
 * commands, so it gets all.
 */
export async function commandsFor(id?: string): Promise<Record<string, Command.Class>> {
  const called = Object.entries(COMMANDS).filter(([name]) => name === id && id !== 'lab:story')
  const wanted = called.length > 0 ? called : Object.entries(COMMANDS)
  return Object.fromEntries(
    await Promise.all(wanted.map(async ([name, load]) => [name, (await load()).default] as const)),
  )
}
