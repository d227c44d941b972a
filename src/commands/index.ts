// SPDX-License-Identifier: MIT
import type {Command} from '@oclif/core'

/**
 * Every command, by its id. A static table: no discovery on disk, and a broken import is an error when all is built. A
 * command is loaded when it is called, because loading all of them takes several times as long.
 */
const COMMANDS: Readonly<Record<string, () => Promise<{readonly default: Command.Class}>>> = {
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
  plan: () => import('./plan.ts'),
  preflight: () => import('./preflight.ts'),
  status: () => import('./status.ts'),
  topology: () => import('./topology.ts'),
  undo: () => import('./undo.ts'),
}

/**
 * What a command line calls; all there is where it calls nothing that is known, which is help or a mistake, and for the
 * story of the demo, which calls others.
 */
export async function commandsFor([first = '', second = '']: readonly string[]): Promise<
  Record<string, Command.Class>
> {
  const called = Object.entries(COMMANDS).filter(([id]) => id === first || id === `${first}:${second}`)
  const alone = called.length > 0 && called.every(([id]) => id !== 'lab:story')
  const wanted = alone ? called : Object.entries(COMMANDS)
  return Object.fromEntries(
    await Promise.all(wanted.map(async ([id, load]) => [id, (await load()).default] as const)),
  )
}
