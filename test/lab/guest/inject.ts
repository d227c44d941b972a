// SPDX-License-Identifier: MIT
/**
 * Inside the lab machine: quiet it, then disturb it in one way after the other, look each time, and take the disturbance
 * back by the remedy. Prints the reports of each part, as JSON. Commands run in this one process, because an emulated
 * machine takes seconds to start another.
 */
import {type ChildProcess, execFileSync, spawn} from 'node:child_process'
import {copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs'
import {join} from 'node:path'
import process from 'node:process'
import {setTimeout as sleep} from 'node:timers/promises'

const checkout = join(import.meta.dirname, '../../..')
const {main} = (await import(join(checkout, 'dist/isolctl.js'))) as {main(args: string[]): Promise<void>}

const parts: Record<string, {output: string; exit: number}> = {}
const write = process.stdout.write.bind(process.stdout)

/** Run a command line of isolctl as if typed, and keep what it prints, errors included. */
async function isolctl(part: string, ...args: string[]): Promise<void> {
  let output = ''
  const keep = (chunk: string | Uint8Array) => {
    output += chunk.toString()
    return true
  }
  process.stdout.write = keep
  process.stderr.write = keep
  process.exitCode = 0
  await main(args)
  process.stdout.write = write
  parts[part] = {output, exit: Number(process.exitCode)}
}

const look = (part: string, ...args: string[]) =>
  isolctl(part, 'preflight', '--json', '--passive', '--window', '1s', ...args)
const prove = (part: string, ...args: string[]) =>
  isolctl(part, 'preflight', '--json', '--window', '3s', ...args)
const apply = (...steps: string[]) =>
  isolctl(`apply ${steps}`, 'apply', '--yes', '--json', ...steps.flatMap((step) => ['--only', step]))

/** The remedy that the report prints for a check, for the first finding that has one. */
function remedyOf(part: string, check: string): string {
  const {checks} = JSON.parse(parts[part]?.output ?? '{"checks": []}')
  const {findings = [], remedy} = checks.find(({id}: {id: string}) => id === check) ?? {}
  const commands = [...findings.map((finding: {remedy?: object}) => finding.remedy), remedy]
  return commands.find((each) => each?.command !== undefined)?.command ?? 'false'
}
const shell = (command: string) => {
  try {
    execFileSync('sh', ['-c', command], {stdio: 'ignore'})
  } catch {
    parts[`failed: ${command}`] = {output: '', exit: 1}
  }
}

const running: ChildProcess[] = []
const start = (...argv: string[]) => {
  const child = spawn(argv[0] ?? '', argv.slice(1), {stdio: 'ignore'})
  running.push(child)
  return child
}
const stop = async (child: ChildProcess) => {
  child.kill('SIGKILL')
  await sleep(300)
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

const scenarios: Readonly<Record<string, () => Promise<void>>> = {
  async quiet() {
    await prove('as booted')
    await apply('fair-server', 'kthread-affinity', 'memory-daemons')
    await prove('quiet')
    await look('quiet, passive')
    await isolctl('capture', 'capture', '/tmp/quiet.tgz', '--json')
    await look('captured', '--root', '/tmp/quiet.tgz')
    await prove('fifo', '--policy', 'fifo:50')
  },

  async irq() {
    writeFileSync(`${IRQ}/${serialIrq}/smp_affinity_list`, '3')
    writeFileSync('/dev/ttyS0', '.\n')
    await sleep(200)
    await look('irq pinned')
    await apply('irq-affinity')
    writeFileSync('/dev/ttyS0', '.\n')
    await sleep(200)
    await look('irq moved', '--only', 'irq-affinity-requested,irq-affinity-effective')
  },

  async kthread() {
    shell(`taskset -cp 0-3 ${pidOf('kthreadd')}`)
    await look('kthread allowed')
    await apply('kthread-affinity')
    await look('kthread moved', '--only', 'kthread-unbound-affinity')
  },

  async task() {
    const idle = start('taskset', '-c', '1-2', 'sleep', '1000')
    await sleep(500)
    await look('task allowed')
    shell(remedyOf('task allowed', 'stray-tasks-allowed'))
    await look('task moved', '--only', 'stray-tasks-allowed')
    await stop(idle)

    const visitor = start('taskset', '-c', '3', 'sh', '-c', 'while sleep 0.1; do :; done')
    await sleep(500)
    await prove('task runs')
    await stop(visitor)

    const second = start('taskset', '-c', '3', 'sh', '-c', 'while :; do :; done')
    await sleep(500)
    await prove('second task')
    shell(remedyOf('second task', 'tick-stopped-under-load'))
    await prove('second task moved', '--only', 'tick-stopped-under-load,stray-tasks-present')
    await stop(second)
  },

  async fairServer() {
    writeFileSync(`${FAIR}/cpu3/runtime`, '50000000')
    await prove('fair server', '--trace')
    parts['instances'] = {output: readdirSync(`${TRACING}/instances`).join(), exit: 0}
    await apply('fair-server')
    await prove('fair server off', '--one-by-one', '--only', 'fair-server,tick-stopped-under-load')
  },

  async tracer() {
    writeFileSync(`${TRACING}/events/timer/tick_stop/enable`, '1')
    await look('traced')
    writeFileSync(`${TRACING}/events/enable`, '0') // what trace-cmd reset does, where it is not installed
    await look('not traced', '--only', 'tracing-off')
  },

  async workqueue() {
    writeFileSync(WORKQUEUES, 'f')
    await look('workqueue open')
    await apply('workqueue-cpumask')
    await look('workqueue closed', '--only', 'wq-unbound-cpumask')
  },

  async partition() {
    mkdirSync(`${CGROUP}/stray`)
    writeFileSync(`${CGROUP}/cgroup.subtree_control`, '+cpuset')
    writeFileSync(`${CGROUP}/stray/cpuset.cpus`, '2-3')
    writeFileSync(`${CGROUP}/stray/cpuset.cpus.partition`, 'isolated')
    parts['partition says'] = {output: readFileSync(`${CGROUP}/stray/cpuset.cpus.partition`, 'utf8'), exit: 0}
    await look('partition invalid')
    writeFileSync(`${CGROUP}/stray/cpuset.cpus.partition`, 'member')
    await look('partition gone', '--only', 'partition-valid')
  },

  async watchdog() {
    writeFileSync(`${WATCHDOG}/watchdog_cpumask`, '0-3')
    writeFileSync(`${WATCHDOG}/soft_watchdog`, '1')
    writeFileSync(`${WATCHDOG}/watchdog`, '1')
    await look('soft lockup watchdog')
    await apply('watchdog-cpumask')
    await look('soft lockup watchdog off', '--only', 'softlockup-mask')
  },

  async irqbalance() {
    copyFileSync('/bin/sleep', '/tmp/irqbalance')
    execFileSync('chmod', ['755', '/tmp/irqbalance'])
    const daemon = spawn('/tmp/irqbalance', ['1000'], {
      stdio: 'ignore',
      env: {IRQBALANCE_BANNED_CPULIST: '0'},
    })
    await sleep(500)
    await look('irqbalance runs')
    await stop(daemon)
    await look('irqbalance stopped', '--only', 'irqbalance-state')
  },

  async boot() {
    await prove('boot')
    writeFileSync('/tmp/cmdline', readFileSync('/proc/cmdline'))
    await isolctl(
      'lint',
      ...'lint --json --cmdline /tmp/cmdline --cpus 4 --kernel 6.12'.split(' '),
      '--isolated',
      '2-3',
    )
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
process.exitCode = 0
write(JSON.stringify(parts))
