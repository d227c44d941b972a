// SPDX-License-Identifier: MIT
/**
 * Inside the lab machine: make it quiet, then disturb it in one way after the other, run preflight
 * each time, and undo the disturbance with the printed remedy. Prints the reports of each part as
 * JSON; with $CAPTURE also an archive of the captures. Commands run in this process, because an
 * emulated machine takes seconds to start another.
 *
 * A busy host holds up emulated CPUs, and the delay then looks like a disturbance. For that reason
 * a part without the expected result is repeated, three times at most: the injected disturbance is
 * there each time.
 */
import {type ChildProcess, execFileSync, spawn} from 'node:child_process'
import {once} from 'node:events'
import {copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs'
import process from 'node:process'
import {setTimeout as sleep} from 'node:timers/promises'
import {amissIn, INJECTIONS} from './injections.ts'
import {finish, isolctl, parts} from './stage.ts'

interface Report {
  readonly cpus?: {readonly disturbed: string}
  readonly checks: readonly {
    readonly id: string
    readonly status: string
    readonly findings?: readonly {subject?: string; message: string; remedy?: {command?: string}}[]
    readonly remedy?: {command?: string}
  }[]
}
const report = (part: string): Report => {
  const {output} = parts[part] ?? {output: ''}
  return output.startsWith('{') ? JSON.parse(output) : {checks: []}
}

const TRIES = 3

async function until(said: () => boolean, attempt: () => Promise<void>): Promise<void> {
  await attempt()
  for (let tries = 1; tries < TRIES && !said(); tries++) await attempt()
}

/**
 * Look without measuring, until the expected result appears: no finding, when nothing is injected.
 */
async function look(part: string, ...args: string[]): Promise<void> {
  const wanted = JSON.stringify(sorted(INJECTIONS[part]?.amiss ?? {}))
  await until(
    () => JSON.stringify(sorted(amissIn(report(part)))) === wanted,
    () => isolctl(part, 'preflight', '--json', '--passive', '--window', '1s', ...args),
  )
  if (INJECTIONS[part]) await capture(part)
}
const sorted = (amiss: Readonly<Record<string, string>>) => Object.entries(amiss).sort()

/** Measure, until only these CPUs are disturbed. */
async function prove(part: string, disturbed: string, ...args: string[]): Promise<void> {
  await until(
    () => report(part).cpus?.disturbed === disturbed,
    () =>
      isolctl(part, 'preflight', '--json', ...(args.includes('--window') ? [] : ['--window', '3s']), ...args),
  )
}

async function capture(part: string): Promise<void> {
  if (part !== 'quiet' && process.env['CAPTURE'] === undefined) return
  const file = `/tmp/${part.replaceAll(' ', '-')}.tgz`
  await isolctl(`capture ${part}`, 'capture', file, '--json')
  parts[`archive ${part}`] = {output: readFileSync(file).toString('base64'), exit: 0}
}

const apply = (...steps: string[]) =>
  isolctl(`apply ${steps}`, 'apply', '--yes', '--json', ...steps.flatMap((step) => ['--only', step]))

/**
 * Carry out the remedy that a report prints for a check: the command of the finding about `whom`.
 */
async function remedy(part: string, check = INJECTIONS[part]?.id ?? '', whom = /./): Promise<void> {
  const {findings = [], remedy} = report(part).checks.find(({id}) => id === check) ?? {}
  const about = findings.filter(({subject, message}) => whom.test(`${subject}: ${message}`))
  const offers = about.length === 0 ? [] : [...about.map((finding) => finding.remedy), remedy]
  const command = offers.find((offer) => offer?.command !== undefined)?.command ?? ''
  if (command.startsWith('isolctl '))
    await isolctl(`remedy ${part}`, ...command.split(' ').slice(1), '--yes', '--json')
  else parts[`remedy ${part}`] = {output: command, exit: shell(command)}
}
function shell(command: string): number {
  try {
    execFileSync('sh', ['-c', command === '' ? 'false' : command], {stdio: 'ignore'})
    return 0
  } catch {
    return 1
  }
}

/** Wait until a slow condition holds: half a minute at most. */
async function eventually(what: string, holds: () => boolean, nudge = () => {}): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries === 150) throw new Error(`${what}: not within half a minute`)
    nudge()
    await sleep(200)
  }
}

const running: ChildProcess[] = []
const start = (...argv: string[]) => {
  const child = spawn(argv[0] ?? '', argv.slice(1), {stdio: 'ignore'})
  running.push(child)
  return child
}
const stop = async (child: ChildProcess) => {
  if (child.kill('SIGKILL')) await once(child, 'exit')
}

const IRQ = '/proc/irq'
const FAIR = '/sys/kernel/debug/sched/fair_server'
const WORKQUEUES = '/sys/devices/virtual/workqueue/cpumask'
const TRACING = '/sys/kernel/tracing'
const CGROUP = '/sys/fs/cgroup'
const WATCHDOG = '/proc/sys/kernel'

const serialIrq = readdirSync(IRQ).find((irq) => existsSync(`${IRQ}/${irq}/ttyS0`)) ?? '4'
const pidOf = (name: string) =>
  readdirSync('/proc').find(
    (pid) =>
      /^\d+$/.test(pid) &&
      existsSync(`/proc/${pid}/comm`) &&
      readFileSync(`/proc/${pid}/comm`, 'utf8') === `${name}\n`,
  ) ?? '2'

const allowed = (pid: number | undefined) =>
  /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
const commOf = (pid: number | undefined) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()

const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  async quiet() {
    await apply('fair-server', 'kthread-affinity', 'memory-daemons')
    await prove('quiet', '')
    await look('quiet, passive')
    await capture('quiet')
    await look('captured', '--root', '/tmp/quiet.tgz')
    await prove('fifo', '', '--policy', 'fifo:50')
  },

  async irq() {
    const fired = () => writeFileSync('/dev/ttyS0', '.\n')
    const delivered = () => readFileSync(`${IRQ}/${serialIrq}/effective_affinity_list`, 'utf8').trim()
    writeFileSync(`${IRQ}/${serialIrq}/smp_affinity_list`, '3')
    // It moves when it fires.
    await eventually('the interrupt comes to CPU 3', () => delivered() === '3', fired)
    await look('irq pinned')
    await remedy('irq pinned')
    await eventually('the interrupt leaves CPU 3', () => delivered() !== '3', fired)
    await look('irq moved', '--only', 'irq-affinity-requested,irq-affinity-effective')
  },

  async kthread() {
    execFileSync('taskset', ['-cp', '0-3', pidOf('kthreadd')], {stdio: 'ignore'})
    await look('kthread allowed')
    await remedy('kthread allowed')
    await look('kthread moved', '--only', 'kthread-unbound-affinity')
  },

  async task() {
    const idle = start('taskset', '-c', '1-2', 'sleep', '1000')
    await eventually('sleep sleeps', () => commOf(idle.pid) === 'sleep')
    await look('task allowed')
    await remedy('task allowed', 'stray-tasks-allowed', /sleep/)
    await look('task moved', '--only', 'stray-tasks-allowed')
    await stop(idle)
  },

  async visitor() {
    const visitor = start('taskset', '-c', '3', 'sh', '-c', 'while sleep 0.1; do :; done')
    await eventually('it is there', () => allowed(visitor.pid) === '3' && commOf(visitor.pid) === 'sh')
    await prove('task runs', '3')
    await capture('task runs')
    await remedy('task runs', 'stray-tasks-present', /\bsh \[/)
    await prove('task runs elsewhere', '', '--only', 'tick-stopped-under-load,stray-tasks-present')
    await stop(visitor)
  },

  async second() {
    const second = start('taskset', '-c', '3', 'sh', '-c', 'while :; do :; done')
    await eventually('it is there', () => allowed(second.pid) === '3' && commOf(second.pid) === 'sh')
    await prove('second task', '3')
    await remedy('second task', 'stray-tasks-present', /\bsh \[/)
    await prove('second task moved', '', '--only', 'tick-stopped-under-load,stray-tasks-present')
    await stop(second)
  },

  async fairServer() {
    writeFileSync(`${FAIR}/cpu3/runtime`, '50000000')
    await prove('fair server', '3', '--trace')
    await capture('fair server')
    parts['instances'] = {output: readdirSync(`${TRACING}/instances`).join(), exit: 0}
    await remedy('fair server', 'fair-server')
    await prove('fair server off', '', '--one-by-one', '--only', 'fair-server,tick-stopped-under-load')
  },

  async tracer() {
    writeFileSync(`${TRACING}/events/timer/tick_stop/enable`, '1')
    await look('traced')
    await remedy('traced')
    await look('not traced', '--only', 'tracing-off')
    writeFileSync(`${TRACING}/osnoise/cpus`, '1') // its threads are not tested here
    writeFileSync(`${TRACING}/current_tracer`, 'timerlat')
    await look('tracer on')
    await remedy('tracer on')
    await look('tracer off', '--only', 'tracing-off')
  },

  async workqueue() {
    writeFileSync(WORKQUEUES, 'f')
    await look('workqueue open')
    await remedy('workqueue open')
    await look('workqueue closed', '--only', 'wq-unbound-cpumask')
  },

  async partition() {
    mkdirSync(`${CGROUP}/stray`)
    writeFileSync(`${CGROUP}/cgroup.subtree_control`, '+cpuset')
    writeFileSync(`${CGROUP}/stray/cpuset.cpus`, '2-3')
    writeFileSync(`${CGROUP}/stray/cpuset.cpus.partition`, 'isolated')
    await look('partition invalid')
    writeFileSync(`${CGROUP}/stray/cpuset.cpus.partition`, 'member')
    await look('partition gone', '--only', 'partition-valid')
  },

  async watchdog() {
    writeFileSync(`${WATCHDOG}/watchdog_cpumask`, '0-3')
    writeFileSync(`${WATCHDOG}/soft_watchdog`, '1')
    writeFileSync(`${WATCHDOG}/watchdog`, '1')
    await look('soft lockup watchdog')
    await remedy('soft lockup watchdog')
    await look('soft lockup watchdog off', '--only', 'softlockup-mask')
  },

  /**
   * The program that $IRQBALANCE names, else one with that name: only the way it was started
   * matters. By default it avoids isolated CPUs, with another ban it does not.
   */
  async irqbalance() {
    const real = process.env['IRQBALANCE']
    if (real === undefined) copyFileSync('/bin/sleep', '/tmp/irqbalance')
    const balance = async (ban?: string) => {
      const daemon = spawn(real ?? '/tmp/irqbalance', real ? ['--foreground', '--interval=1'] : ['1000'], {
        stdio: 'ignore',
        env: ban === undefined ? {} : {IRQBALANCE_BANNED_CPULIST: ban},
      })
      daemon.on('error', () => {}) // then it has no pid and does not run
      running.push(daemon)
      await eventually('irqbalance runs', () => commOf(daemon.pid) === 'irqbalance')
      return daemon
    }
    const unaided = await balance()
    await look('irqbalance unaided')
    await stop(unaided)
    writeFileSync('/etc/default/irqbalance', 'IRQBALANCE_BANNED_CPULIST=0\n')
    const misled = await balance('0')
    await look('irqbalance configured wrong')
    await isolctl('irqbalance advice', 'plan', '--only', 'irqbalance-ban', '--json')
    await stop(misled)
    await look('irqbalance stopped', '--only', 'irqbalance-state')
    const advice = /IRQBALANCE_BANNED_CPULIST=([\d,-]+)/.exec(parts['irqbalance advice']?.output ?? '')?.[1]
    const led = await balance(advice ?? '0')
    await look('irqbalance configured right', '--only', 'irqbalance-state')
    await stop(led)
  },

  /** As it was booted. */
  async boot() {
    for (const folder of ['grub', 'grub2', 'loader', 'extlinux', 'efi'])
      rmSync(`/boot/${folder}`, {recursive: true, force: true}) // those of the host
    await apply('fair-server', 'kthread-affinity', 'memory-daemons')
    await prove('boot', process.env['DISTURBED'] ?? '')
    await capture('bad boot arguments')
    await isolctl('boot advice', 'plan', '--only', 'boot-arguments', '--json')
    writeFileSync('/tmp/cmdline', readFileSync('/proc/cmdline'))
    await isolctl(
      'lint',
      ...'lint --json --cmdline /tmp/cmdline --cpus 4 --kernel 6.12'.split(' '),
      '--isolated',
      '2-3',
    )
  },

  async clock() {
    await apply('fair-server', 'kthread-affinity', 'memory-daemons')
    await prove('clock', '2-3')
  },
}

for (const name of process.argv.slice(2)) {
  try {
    await scenarios[name]?.()
  } catch (error) {
    parts[`failed: ${name}`] = {output: String(error), exit: 1}
  }
}
for (const child of running) child.kill('SIGKILL')
finish()
