// SPDX-License-Identifier: MIT
import {beforeAll, describe, expect, test} from 'vitest'
import {runInLab} from '../../src/lab/run.ts'
import {type Report, ReportSchema} from '../../src/schema/preflight.ts'
import {testKernel} from './kernel.ts'

/** Each run of preflight prints one report, and this line after it. */
const END = '--- end of report ---'

/**
 * Up to three runs, until exactly these CPUs are disturbed: an emulated CPU that its host held up
 * looks disturbed as well, but not in every run.
 */
const preflight = (disturbed: string) => `
for try in 1 2 3; do
  node bin/run.js preflight --window 5s --json > /tmp/report; status=$?
  grep -q '"disturbed": "${disturbed}"' /tmp/report && break
done
cat /tmp/report; echo "${END} $status"`
const FAIR_SERVER = '/sys/kernel/debug/sched/fair_server'
/** As a login shell runs when the slices of systemd are kept off the isolated CPUs. */
const CONFINED = `cd /sys/fs/cgroup && echo +cpuset > cgroup.subtree_control && mkdir slice && echo 0-1 > slice/cpuset.cpus &&
  echo $$ > slice/cgroup.procs && cd - > /dev/null && grep -q 'list:.0-1$' /proc/self/status || exit 8`
const FAIR_SERVER_OFF = `echo 0 > ${FAIR_SERVER}/cpu2/runtime && echo 0 > ${FAIR_SERVER}/cpu3/runtime || exit 9`

/** An interrupt that the test can cause: that of the serial port, on each write to it. */
const BUSY_SERIAL_PORT = 'while sleep 0.2; do echo . > /dev/ttyS0; done &'
const MOVE_SERIAL_PORT =
  'for action in /proc/irq/*/ttyS0; do echo 3 > $(dirname $action)/smp_affinity_list; done'

interface Run {
  readonly report: Report
  readonly exit: number
}

async function preflights(
  script: readonly string[],
  boot: readonly string[] | undefined,
): Promise<readonly Run[]> {
  const {stdout, stderr, exitCode} = await runInLab(['sh', '-c', script.join('\n')], {
    kernel: await testKernel(),
    timeoutMs: 1_500_000, // each run starts Node.js on an emulated machine of a shared host
    ...(boot ? {bootArguments: boot} : {}),
  })
  expect({exitCode, stderr}).toMatchObject({exitCode: 0})
  const pieces = stdout.split(new RegExp(`^${END} (\\d+)$`, 'm'))
  const runs: Run[] = []
  for (let at = 0; at + 1 < pieces.length; at += 2)
    runs.push({report: ReportSchema.parse(JSON.parse(pieces[at] ?? '')), exit: Number(pieces[at + 1])})
  return runs
}

const status = ({report}: Run, id: string) => report.checks.find((check) => check.id === id)?.status
const said = ({report}: Run, id: string) =>
  (report.checks.find((check) => check.id === id)?.findings ?? []).map(
    ({subject, message}) => `${subject}: ${message}`,
  )
const failed = ({report}: Run) => report.checks.filter((check) => check.status === 'fail').map(({id}) => id)

describe('preflight on an isolated machine', () => {
  let runs: readonly Run[]
  beforeAll(async () => {
    runs = await preflights(
      [
        ...[preflight('2-3'), FAIR_SERVER_OFF, CONFINED, preflight('')],
        ...[BUSY_SERIAL_PORT, MOVE_SERIAL_PORT, preflight('3')],
      ],
      undefined,
    )
    expect(runs).toHaveLength(3)
  })

  test('reports the fair server while it runs', () => {
    const [run] = runs
    if (!run) throw new Error('no report')
    expect(run.exit).toBe(1)
    expect(said(run, 'tick-stopped-under-load').join()).toMatch(
      /fair server: interrupts the SCHED_OTHER task/,
    )
    expect(failed(run)).toEqual(expect.arrayContaining(['fair-server', 'tick-stopped-under-load']))
    expect(run.report.cpus).toEqual({quiet: '', disturbed: '2-3', unproven: ''})
  })

  test('passes without any interrupt when it is off, also from a shell that may not use the CPUs', () => {
    const [, run] = runs
    if (!run) throw new Error('no report')
    expect(failed(run)).toEqual([])
    expect(run.exit).toBe(0)
    expect(run.report.cpus).toEqual({quiet: '2-3', disturbed: '', unproven: ''})
    expect(
      run.report.measured?.map(({interrupts, contextSwitches}) => ({interrupts, contextSwitches})),
    ).toEqual([
      {interrupts: {}, contextSwitches: 0},
      {interrupts: {}, contextSwitches: 0},
    ])
    expect(status(run, 'virt-guest')).toBe('warn')
  })

  test('reports the interrupt that was moved to an isolated CPU', () => {
    const [, , run] = runs
    if (!run) throw new Error('no report')
    expect(run.exit).toBe(1)
    expect(said(run, 'irq-affinity-effective').join()).toMatch(/irq \d+ \(ttyS0\): delivered to CPU 3/)
    expect(said(run, 'irq-count-delta').join()).toMatch(/irq \d+ \(ttyS0\): fired/)
    expect(run.report.cpus).toEqual({quiet: '2', disturbed: '3', unproven: ''})
  })
})

test('preflight reports the tick that was left on', async () => {
  const [run] = await preflights(
    [FAIR_SERVER_OFF, preflight('2-3')],
    ['isolcpus=domain,managed_irq,2-3', 'irqaffinity=0-1', 'nowatchdog', 'tsc=reliable'],
  )
  if (!run) throw new Error('no report')
  expect(run.exit).toBe(1)
  expect(status(run, 'nohz-full-effective')).toBe('fail')
  expect(said(run, 'tick-stopped-under-load').join()).toMatch(
    /tick: not stopped: the CPU is not in nohz_full/,
  )
  expect(run.report.cpus).toMatchObject({quiet: '', disturbed: '2-3'})
})
