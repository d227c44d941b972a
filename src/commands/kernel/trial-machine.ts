// SPDX-License-Identifier: MIT
import {realpathSync} from 'node:fs'
import {bootId} from '../../facts/boot-id.ts'
import {gatherer} from '../../facts/fact.ts'
import {kernel} from '../../facts/kernel.ts'
import type {Host, Live} from '../../host/host.ts'
import {bootControl} from '../../kernel/install/boot-loader.ts'
import type {Ground} from '../../kernel/install/install.ts'
import type {Progress} from '../../lib/progress.ts'
import {STATE_DIRECTORY} from '../../model/journal.ts'
import {withJournal} from '../../plan/journal-file.ts'

/** What there is to stand on; throws UserError where no boot loader is known. */
export async function ground(host: Host & {readonly live: Live}, progress: Progress): Promise<Ground> {
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

/** The same, while nobody else changes the machine. */
export async function alone<T>(
  host: Host & {readonly live: Live},
  progress: Progress,
  body: (ground: Ground) => Promise<T>,
): Promise<T> {
  return await withJournal(STATE_DIRECTORY, async () => await body(await ground(host, progress)))
}

/** How to start this program again, whatever the working directory. */
export function ourselves(): readonly [string, ...string[]] {
  return [process.execPath, realpathSync(process.argv[1] ?? '')]
}
