// SPDX-License-Identifier: MIT
/**
 * Inside the lab machine: take a picture of it, apply, compare, undo, and take the picture again.
 */
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {writeFileSync} from 'node:fs'
import process from 'node:process'
import {setTimeout as sleep} from 'node:timers/promises'
import {finish, intents, isolctl, parts, picture, program, remember} from './stage.ts'

const DEFAULT = '/proc/irq/default_smp_affinity'

await isolctl('topology', 'topology', '--json')
await isolctl('plan', 'plan', '--cpus', '2-3', '--json')
remember(parts['plan']?.output ?? '')
picture('before')
await isolctl('unconfirmed', 'apply', '--cpus', '2-3')
await isolctl('apply', 'apply', '--cpus', '2-3', '--yes', '--json')
picture('after')
await isolctl('replan', 'plan', '--cpus', '2-3')
await isolctl('status', 'status', '--json')
writeFileSync(DEFAULT, '2')
await isolctl('drifted', 'status')
await isolctl('undo', 'undo')
picture('conflict')
await isolctl('force', 'undo', '--force', '--json')
picture('restored')
await isolctl('again', 'undo')

// Killed when the first change is announced in the journal.
const before = intents()
const child = spawn(process.execPath, [program, 'apply', '--cpus', '2-3', '--yes'], {
  stdio: 'ignore',
})
const ended = once(child, 'exit')
while (intents() === before && child.exitCode === null) await sleep(2)
child.kill('SIGKILL')
await ended
await isolctl('killed', 'status', '--json')
await isolctl('cleanup', 'undo')
picture('clean')

finish()
