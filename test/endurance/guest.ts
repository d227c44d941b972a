// SPDX-License-Identifier: MIT
/**
 * Inside the lab machine: `guest.ts PLAN`. Prepares the machine as an administrator would, holds a
 * thread isolated, and tries one activity after the other. Prints a line of JSON for each (matrix.ts).
 */
import {type ChildProcess, spawn} from 'node:child_process'
import {accessSync, readFileSync} from 'node:fs'
import {setTimeout as sleep} from 'node:timers/promises'
import {parseIsolationRecord} from '../../src/model/isolation-record.ts'
import type {Activity} from './activity.ts'
import {buildId, type Line, type Row} from './matrix.ts'

/** How often a thread tries to become isolated, and stays so for SETTLED_MS, before an activity. */
const STARTS = 5
const START_MS = 4000
const SETTLED_MS = 400

interface Plan {
  readonly activities: readonly Activity[]
  readonly cpu: number
  readonly deeds: string
  readonly hold: string
  readonly kernel: string
  /** A folder with lib/modules/VERSION. */
  readonly modules?: string
  /** The command that runs isolctl. */
  readonly isolctl: readonly string[]
}

const plan: Plan = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
const say = (line: Line) => process.stdout.write(`${JSON.stringify(line)}\n`)

interface Ended {
  readonly exit: number
  readonly output: string
}

/** Shell text, with all it starts in a process group that ends with it. Exit 124: it took too long. */
async function shell(text: string, {limit = 60, held = ''} = {}): Promise<Ended> {
  const child = spawn('/bin/bash', ['-euc', text], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      DEEDS: plan.deeds,
      HOLD: plan.hold,
      KERNEL: plan.kernel,
      CPU: `${plan.cpu}`,
      HELD: held,
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-2000)
    })
  const group = -(child.pid ?? 0)
  const exit = await new Promise<number>((resolve) => {
    const timer = setTimeout(() => resolve(124), limit * 1000)
    child.once('error', () => resolve(127))
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      resolve(signal === null ? (code ?? 0) : 128)
    })
  })
  try {
    process.kill(group, 'SIGKILL')
  } catch {
    // the group is gone
  }
  return {exit, output: output.trim()}
}

/** The last line of what a command said: it mostly says why. */
const reason = ({exit, output}: Ended) =>
  exit === 124 ? 'it took too long' : `exit status ${exit}: ${output.split('\n').at(-1) ?? ''}`.slice(0, 200)

async function missing(needs: readonly string[]): Promise<string | undefined> {
  for (const need of needs) {
    if (need.startsWith('+')) {
      const name = need.slice(1)
      if ((await shell(`modprobe -n -q ${name}`)).exit !== 0) return `no module ${name}`
    } else if (need.startsWith('/') || need.startsWith('$')) {
      if ((await shell(`test -e ${need}`)).exit !== 0) return `no file ${need}`
    } else if ((await shell(`command -v ${need}`)).exit !== 0) return `no tool ${need}`
  }
  return undefined
}

const recordOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/task_isolation`, 'utf8')
  } catch {
    return ''
  }
}
const isHeld = (pid: number) => parseIsolationRecord(recordOf(pid)).state === 'isolated'

interface Held {
  readonly pid: number
  readonly end: () => Promise<void>
}

/** A thread that is isolated, or why there is none. */
async function hold(inside = ''): Promise<Held | string> {
  let why = ''
  for (let start = 0; start < STARTS; start++) {
    const child: ChildProcess = spawn(
      '/bin/bash',
      ['-euc', `HELD=$$\n${inside}\nexec "$0" "$1"`, plan.hold, `${plan.cpu}`],
      {
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const pid = child.pid ?? 0
    const end = async () => {
      child.kill('SIGKILL')
      await Promise.race([gone, sleep(5000)])
    }
    child.stderr?.on('data', (chunk: Buffer) => {
      why = chunk.toString().trim()
    })
    for (let waited = 0; waited < START_MS && !isHeld(pid) && child.exitCode === null; waited += 50)
      await sleep(50)
    if (isHeld(pid)) {
      await sleep(SETTLED_MS)
      if (isHeld(pid)) return {pid, end}
      why = `isolation ended before it began: ${parseIsolationRecord(recordOf(pid)).cause}`
    }
    await end()
    await sleep(500)
  }
  return why || 'the thread did not become isolated'
}

/** The counts of /proc/interrupts of the isolated CPU. */
function interrupts(): ReadonlyMap<string, number> {
  const [head = '', ...lines] = readFileSync('/proc/interrupts', 'utf8').split('\n')
  const column = head.trim().split(/\s+/).indexOf(`CPU${plan.cpu}`) + 1
  return new Map(
    lines
      .map((line) => line.trim().split(/\s+/))
      .map((words) => [(words[0] ?? '').replace(/:$/, ''), Number(words[column] ?? 0)]),
  )
}

async function attempt(activity: Activity): Promise<Row> {
  const {id, needs, setup, inside, run, undo, wait, limit} = activity
  const lacking = await missing(needs)
  if (lacking !== undefined) return {id, result: 'not tried', why: lacking}
  try {
    const ready = setup === undefined ? undefined : await shell(setup)
    if (ready && ready.exit !== 0)
      return {id, result: 'not tried', why: `its preparation failed: ${reason(ready)}`}
    const held = await hold(inside)
    if (typeof held === 'string') return {id, result: 'not tried', why: held}
    const before = interrupts()
    const began = performance.now()
    const done = await shell(run, {limit, held: `${held.pid}`})
    const seconds = Math.round((performance.now() - began) / 100) / 10
    await sleep(wait * 1000)
    const record = recordOf(held.pid)
    const after = interrupts()
    await held.end()
    // A thread that has ended has no record: nothing is known of its isolation.
    if (record === '') return {id, result: 'not tried', why: 'the isolated thread ended'}
    const {state} = parseIsolationRecord(record)
    const [, text = '0', tlb = '0'] = /^deferred:\s+text=(\d+) tlb=(\d+)/m.exec(record) ?? []
    const measured = {
      deferred: {text: Number(text), tlb: Number(tlb)},
      interrupts: [...after]
        .map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const)
        .filter(([, more]) => more > 0)
        .map(([name, more]) => `${name}+${more}`)
        .join(' '),
      seconds,
    }
    if (state !== 'isolated') return {id, result: 'broke', record, ...measured}
    if (done.exit !== 0)
      return {id, result: 'not tried', why: `its command failed: ${reason(done)}`, ...measured}
    return {id, result: 'held', ...measured}
  } finally {
    if (undo !== undefined) await shell(undo.replaceAll('\n', ' ; '), {limit: 30})
  }
}

/** The files and mounts that a server has and the lab machine has not. */
async function prepare(): Promise<string> {
  if (plan.modules !== undefined)
    await shell(`mkdir -p /lib/modules /run/netns; mount --bind "${plan.modules}/lib/modules" /lib/modules`)
  await shell('mount -t tracefs t /sys/kernel/tracing || true; mount -t debugfs d /sys/kernel/debug || true')
  await shell('mount -t securityfs s /sys/kernel/security || true; ip link set lo up')
  await shell('mkdir -p /var/run; ln -sf /proc/mounts /etc/mtab')
  const [file = '', ...rest] = plan.isolctl
  const {exit, output} = await shell(`"${file}" ${rest.map((word) => `"${word}"`).join(' ')} apply --yes`, {
    limit: 240,
  })
  return `exit status ${exit}: ${output.split('\n').at(-1)}`
}

accessSync(plan.hold)
const apply = await prepare()
const build = buildId(readFileSync('/sys/kernel/notes'))
if (build === undefined) throw new Error('/sys/kernel/notes has no build ID')
say({at: 'machine', kernel: readFileSync('/proc/version', 'utf8').trim(), build, apply})
for (const activity of plan.activities) {
  say({at: 'begin', id: activity.id})
  say({at: 'end', row: await attempt(activity)})
}
