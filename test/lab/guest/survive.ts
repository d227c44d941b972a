// SPDX-License-Identifier: MIT
/**
 * Inside the lab machine: faults around apply and undo, one after the other, with a picture after
 * each.
 */
import {execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmdirSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import process from 'node:process'
import {setTimeout as sleep} from 'node:timers/promises'
import {finish, intents, isolctl, JOURNAL, parts, picture, program, remember, WORKQUEUE} from './stage.ts'

const CPUS = ['--cpus', '2-3', '--runtime']
const CGROUP = '/sys/fs/cgroup'
const MASK = `${WORKQUEUE}/cpumask`
const STATE = '/var/lib/isolctl'

/** The contents of a file, for a part. */
const record = (part: string, ...files: string[]) => {
  const lines = files.map((file) => `${file} ${contents(file)}`)
  parts[part] = {output: lines.join(''), exit: 0}
}

function contents(file: string): string {
  const what = statSync(file, {throwIfNoEntry: false})
  if (what === undefined) return 'absent\n'
  return what.isDirectory() ? 'a directory\n' : readFileSync(file, 'utf8')
}

/** Another isolctl in its own process. */
const another = (args: string[], options: {uid?: number} = {}) => {
  const child = spawn(process.execPath, [program, ...args], {stdio: ['ignore', 'pipe', 'pipe'], ...options})
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const ended = once(child, 'close').then(() => ({output, exit: child.exitCode ?? -1}))
  return {child, ended}
}

/** Wait until the next change is announced in the journal. */
async function untilAnnounced(before: number, child: {exitCode: number | null}): Promise<void> {
  while (child.exitCode === null && (!existsSync(JOURNAL) || intents() === before)) await sleep(1)
}

const announced = () => (existsSync(JOURNAL) ? intents() : 0)

await isolctl('plan', 'plan', ...CPUS, '--json')
remember(parts['plan']?.output ?? '')
picture('before')

// The steps, by the results of the checks.
const judged = [
  'irq-affinity-requested',
  'wq-unbound-cpumask',
  'fair-server',
  'softlockup-mask',
  'kthread-unbound-affinity',
]
const preflight = [
  'preflight',
  '--cpus',
  '2-3',
  '--passive',
  '--strict',
  ...judged.flatMap((id) => ['--only', id]),
]
await isolctl('judged before', ...preflight)
await isolctl('applied', 'apply', ...CPUS, '--yes', '--json')
await isolctl('judged after', ...preflight)
await isolctl('taken back', 'undo')
picture('after undo')

// An isolated partition, and one that the kernel accepts and does not create.
await isolctl('partition', 'apply', ...CPUS, '--only', 'cpuset-partition', '--yes', '--json')
record(
  'partition made',
  `${CGROUP}/isolctl/cpuset.cpus.partition`,
  `${CGROUP}/cpuset.cpus.isolated`,
  `${CGROUP}/cgroup.subtree_control`,
)
await isolctl('partition again', 'plan', ...CPUS, '--only', 'cpuset-partition')
await isolctl('partition undone', 'undo')
record(
  'partition gone',
  `${CGROUP}/isolctl`,
  `${CGROUP}/cpuset.cpus.isolated`,
  `${CGROUP}/cgroup.subtree_control`,
)
writeFileSync(`${CGROUP}/cgroup.subtree_control`, '+cpuset')
mkdirSync(`${CGROUP}/other`)
writeFileSync(`${CGROUP}/other/cpuset.cpus`, '2-3')
writeFileSync(`${CGROUP}/other/cpuset.cpus.partition`, 'root')
await isolctl('partition refused', 'apply', ...CPUS, '--only', 'cpuset-partition', '--yes')
record('partition left', `${CGROUP}/isolctl`)
rmdirSync(`${CGROUP}/other`)
writeFileSync(`${CGROUP}/cgroup.subtree_control`, '-cpuset')
picture('after partitions')

// Two runs at once: the first is stopped in the middle.
{
  const before = announced()
  const {child, ended} = another(['apply', ...CPUS, '--yes'])
  await untilAnnounced(before, child)
  child.kill('SIGSTOP')
  await isolctl('second apply', 'apply', ...CPUS, '--yes', '--only', 'memory-daemons')
  await isolctl('second undo', 'undo')
  child.kill('SIGCONT')
  parts['first apply'] = await ended
  await isolctl('both undone', 'undo')
  picture('after two')
}

// No space for the journal.
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'full', STATE])
const filler = openSync(`${STATE}/filler`, 'w')
try {
  for (;;) writeSync(filler, Buffer.alloc(4096))
} catch {
  closeSync(filler)
}
await isolctl('full disk', 'apply', ...CPUS, '--yes')
picture('after full disk')
execFileSync('umount', [STATE])

// A file that cannot be written, after a change that could.
mkdirSync('/run/systemd/system', {recursive: true})
// There is no systemd here; its part is not tested.
// isolctl calls it by the system's own PATH.
const fake = `${mkdtempSync('/tmp/tools-')}/systemctl`
writeFileSync(fake, '#!/bin/sh\nexit 0\n', {mode: 0o755})
if (existsSync('/usr/bin/systemctl')) execFileSync('mount', ['--bind', fake, '/usr/bin/systemctl'])
else copyFileSync(fake, '/usr/bin/systemctl')
execFileSync('mount', ['--bind', '/etc', '/etc'])
execFileSync('mount', ['-o', 'remount,ro,bind', '/etc'])
await isolctl('read-only', 'apply', ...CPUS, '--only', 'workqueue-cpumask', '--only', 'persistence', '--yes')
picture('after read-only')
execFileSync('umount', ['/etc'])
rmdirSync('/run/systemd/system')

// A user without permission.
for (const command of ['apply', 'undo', 'confirm'])
  parts[`user ${command}`] = await another([command, ...(command === 'apply' ? [...CPUS, '--yes'] : [])], {
    uid: 65534,
  }).ended
picture('after user')

// A dead man's switch without a confirmation, one with, and one of a run that was killed.
const ONE = ['apply', ...CPUS, '--only', 'workqueue-cpumask', '--yes']
const original = readFileSync(MASK, 'utf8')
const untilBack = async () => {
  for (let tick = 0; tick < 600 && readFileSync(MASK, 'utf8') !== original; tick++) await sleep(100)
}
await isolctl('unconfirmed', ...ONE, '--confirm-within', '2s')
record('unconfirmed mask', MASK)
await isolctl('waiting', 'status', '--json')
await untilBack()
await sleep(500)
await isolctl('too late', 'confirm')
picture('after unconfirmed')
await isolctl('to confirm', ...ONE, '--confirm-within', '3s')
await isolctl('confirmed', 'confirm')
await sleep(12_000)
record('confirmed mask', MASK)
await isolctl('confirmed undone', 'undo')
{
  const before = announced()
  const {child, ended} = another(['apply', ...CPUS, '--yes', '--confirm-within', '3s'])
  await untilAnnounced(before, child)
  child.kill('SIGKILL')
  await ended
  record('killed mask', JOURNAL)
  for (let tick = 0; tick < 60; tick++) {
    await isolctl('killed status', 'status', '--json')
    if (JSON.parse(parts['killed status']?.output ?? '{}').changes?.length === 0) break
    await sleep(1000)
  }
  picture('after killed')
}

// A CPU that goes offline and comes back.
await isolctl('unplugged apply', 'apply', ...CPUS, '--yes', '--json')
writeFileSync('/sys/devices/system/cpu/cpu3/online', '0')
await isolctl('unplugged undo', 'undo')
writeFileSync('/sys/devices/system/cpu/cpu3/online', '1')
await isolctl('unplugged again', 'undo', '--force')
picture('after unplugged')

finish()
