// SPDX-License-Identifier: MIT
/**
 * The whole of `isolctl apply`, on this machine, with a systemctl that hangs. In a mount namespace of its
 * own: the state, the units, /run and systemctl are those of the test, and nothing else is changed.
 */
import {mkdir, mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {execa} from 'execa'
import {afterEach, beforeEach, expect, test} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {Exit} from '../../src/lib/exit.ts'
import {parseJournal} from '../../src/model/journal.ts'

let box = ''
const at = (name: string) => join(box, name)
beforeEach(async () => {
  box = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  for (const name of ['state', 'units']) await mkdir(at(name), {mode: 0o700})
  await writeFile(at('units/irqbalance.service'), '[Service]\n')
})
afterEach(() => rm(box, {recursive: true}))

/** $1: the directory of the test; the rest: the command. */
const ENTER = `set -e
box=$1; shift
mount --bind "$box/state" /var/lib/isolctl
mount --bind "$box/units" /etc/systemd/system
mount -t tmpfs none /run
mkdir -p /run/systemd/system
mount --bind "$box/systemctl" "$(command -v systemctl)"
exec "$@"`

const outer = await execa(
  'unshare',
  ['-m', 'sh', '-c', 'test -d /var/lib/isolctl && test -d /etc/systemd/system && command -v systemctl'],
  {reject: false},
)

test.for([
  ['is ended by SIGTERM', '', 'systemctl daemon-reload: killed by SIGTERM', Exit.applyUndone],
  [
    'ignores SIGTERM',
    `trap '' TERM; `,
    'interrupted: systemctl daemon-reload hung, and was killed',
    Exit.interrupted,
  ],
] as const)(
  'apply with a systemctl that hangs and %s is ended, and everything is undone',
  {timeout: 300_000},
  async ([, trap, why, exit], {skip}) => {
    skip(outer.exitCode !== 0, 'needs root, systemctl, and /var/lib/isolctl')
    // Only the first call hangs: those of undo are the second and the third.
    await writeFile(
      at('systemctl'),
      `#!/bin/sh\necho "$*" >>${box}/asked\n[ "$(wc -l <${box}/asked)" = 1 ] || exit 0\n${trap}while :; do sleep 1; done\n`,
      {mode: 0o755},
    )
    const online = await readFile('/sys/devices/system/cpu/online', 'utf8')
    const last = /\d+$/.exec(online.trim())?.[0] ?? ''
    const command = ['apply', '--only', 'irqbalance-ban', '--cpus', last, '--yes']
    const apply = execa(
      'unshare',
      ['-m', 'sh', '-c', ENTER, 'sh', box, process.execPath, join(packageRoot, 'bin/run.js'), ...command],
      {reject: false, stdin: 'ignore', all: true, forceKillAfterDelay: false},
    )
    const asked = async () => (await readFile(at('asked'), 'utf8').catch(() => '')).trim().split('\n')
    const patience = performance.now() + 60_000
    while ((await asked())[0] === '' && performance.now() < patience) await sleep(50)
    expect(await readdir(at('units'))).toContain('irqbalance.service.d')
    apply.kill('SIGTERM') // unshare(1) and sh(1) have become isolctl
    const {exitCode, all} = await apply
    expect(all).toContain(`${why}; the machine is as it was`)
    expect(exitCode).toBe(exit)
    expect(await asked()).toEqual(['daemon-reload', 'daemon-reload', 'try-restart irqbalance.service'])
    expect(await readdir(at('units'))).toEqual(['irqbalance.service'])
    const entries = parseJournal(await readFile(at('state/journal.jsonl'), 'utf8'))
    expect(entries.at(-1)).toMatchObject({op: 'end', outcome: 'incomplete'})
  },
)
