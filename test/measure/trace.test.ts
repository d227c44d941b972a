// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {gatherer} from '../../src/facts/fact.ts'
import {HostError} from '../../src/host/host.ts'
import {circumstances} from '../../src/measure/circumstances.ts'
import {disturbancesOf} from '../../src/measure/disturbances.ts'
import {readTrace, traceEvents} from '../../src/measure/trace.ts'
import {busy} from '../../src/measure/watch.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {fakeLive, givens, goodFiles, interruptsText} from '../support/machine.ts'

const HEAD = '# tracer: nop\n#\n#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n'
const line = (task: string, cpu: number, text: string) =>
  `${task.padStart(22)}   [00${cpu}] d..1.    12.345678: ${text}\n`
const read = (...lines: readonly string[]) =>
  readTrace(HEAD + lines.join(''), {cpus: CpuSet.parse('2-3'), own: 500}).map(
    ({cpu, concern, what, count}) => `${count} ${concern} on ${cpu}: ${what}`,
  )

describe('a line of a trace', () => {
  test.each([
    [
      line('isol-spin-77', 3, 'tick_stop: success=0 dependency=SCHED'),
      '1 tick on 3: the tick is held by SCHED',
    ],
    [
      line(
        'isol-spin-77',
        3,
        'hrtimer_expire_entry: hrtimer=0000000012345678 function=dl_task_timer now=123',
      ),
      '1 tick on 3: timer dl_task_timer',
    ],
    [
      line(
        'isol-spin-77',
        2,
        'sched_switch: prev_comm=isol-spin prev_pid=77 prev_prio=120 prev_state=R ==> next_comm=my task next_pid=812 next_prio=120',
      ),
      '1 task on 2: switched to my task [812]',
    ],
    [line('isol-spin-77', 2, 'irq_handler_entry: irq=4 name=ttyS0'), '1 device on 2: irq 4 (ttyS0)'],
    [
      line(
        'kworker/2:1-40',
        2,
        'workqueue_execute_start: work struct 00000000deadbeef: function vmstat_update',
      ),
      '1 task on 2: work vmstat_update',
    ],
    [
      line(
        'a-b-9',
        0,
        'workqueue_queue_work: work struct=00000000deadbeef function=drain_local workqueue=events req_cpu=3 cpu=3',
      ),
      '1 task on 3: work drain_local queued by a-b [9] on CPU 0',
    ],
    [
      line('<idle>-0', 1, 'ipi_send_cpu: cpu=3 callsite=irq_work_queue_on+0x9b/0x120 callback=0x0'),
      '1 ipi on 3: IPI of irq_work_queue_on sent by CPU 1 while idle',
    ],
    [
      line(
        'bash-9',
        0,
        'csd_queue_cpu: cpu=2 callsite=smp_call_function_many_cond+0x2/0x4 func=do_sync_core csd=00000000aa',
      ),
      '1 ipi on 2: do_sync_core sent by bash [9] on CPU 0 from smp_call_function_many_cond',
    ],
  ])('%s', (text, expected) => {
    expect(read(text)).toEqual([expected])
  })

  const kick = (task: string, flags: string) =>
    line(
      task,
      1,
      'csd_queue_cpu: cpu=3 callsite=irq_work_queue_on+0x9b/0x120 func=kick csd=00000000aa',
    ).replace('d..1.', flags)
  const stack = (task: string, cpu: number, ...functions: readonly string[]) =>
    line(task, cpu, '<stack trace>') + functions.map((name) => ` => ${name}\n`).join('')

  test('that an interrupt caused does not name the interrupted task', () => {
    expect(read(kick('sshd-9', 'd.h1.'))).toEqual([
      '1 ipi on 3: kick sent by CPU 1 in an interrupt from irq_work_queue_on',
    ])
  })

  test('that a timer caused names the timer from the stack of the same CPU', () => {
    const timer = ['irq_work_queue_on', 'dl_task_timer', '__hrtimer_run_queues', 'hrtimer_interrupt']
    expect(
      read(
        kick('<idle>-0', 'd.h2.'),
        kick('sshd-9', 'd..1.').replace('[001]', '[000]'),
        stack('<idle>-0', 1, ...timer),
        stack('sshd-9', 0, 'irq_work_queue_on', 'sys_write'),
        line('isol-spin-77', 3, 'tick_stop: success=0 dependency=SCHED'),
      ),
    ).toEqual([
      '1 ipi on 3: kick sent by CPU 1 in dl_task_timer from irq_work_queue_on',
      '1 ipi on 3: kick sent by sshd [9] on CPU 0 from irq_work_queue_on',
      '1 tick on 3: the tick is held by SCHED',
    ])
  })

  test('to several CPUs counts for each watched CPU', () => {
    const mask = 'ipi_send_cpumask: cpumask=00000000,0000000e callsite=flush_tlb_multi+0x1/0x2 callback=0x0'
    expect(read(line('x-9', 0, mask))).toEqual([
      '1 ipi on 2: IPI of flush_tlb_multi sent by x [9] on CPU 0',
      '1 ipi on 3: IPI of flush_tlb_multi sent by x [9] on CPU 0',
    ])
  })

  test('is left out if it is of isolctl, of another CPU, of an idle CPU, or of a tick that stopped', () => {
    expect(
      read(
        line('node-500', 0, 'csd_queue_cpu: cpu=2 callsite=a+0x2/0x4 func=do_sync_core csd=00000000aa'),
        line('bash-9', 0, 'csd_queue_cpu: cpu=1 callsite=a+0x2/0x4 func=do_sync_core csd=00000000aa'),
        line('isol-spin-77', 3, 'tick_stop: success=1 dependency=NONE'),
        line(
          'x-9',
          2,
          'sched_switch: prev_comm=x prev_pid=9 prev_prio=1 prev_state=S ==> next_comm=swapper/2 next_pid=0 next_prio=120',
        ),
        line('x-9', 2, 'some_event: cpu=2'),
        'CPU:2 [LOST 12 EVENTS]\n',
      ),
    ).toEqual([])
  })

  test('most frequent first', () => {
    const timer = (name: string) => line('x-9', 2, `hrtimer_expire_entry: hrtimer=00 function=${name} now=1`)
    expect(read(timer('a'), timer('b'), timer('b'))).toEqual(['2 tick on 2: timer b', '1 tick on 2: timer a'])
  })
})

test('events are recorded for the watched CPUs only', () => {
  const filters = new Map(traceEvents(CpuSet.parse('2-5,9')).map(({name, filter}) => [name, filter]))
  expect(filters.get('timer/tick_stop')).toBe('(CPU >= 2 && CPU <= 5) || (CPU >= 9 && CPU <= 9)')
  expect(filters.get('ipi/ipi_send_cpu')).toBe('(cpu >= 2 && cpu <= 5) || (cpu >= 9 && cpu <= 9)')
  expect(filters.get('ipi/ipi_send_cpumask')).toBeUndefined()
  const stacks = traceEvents(CpuSet.parse('2')).filter(({stack}) => stack)
  expect(stacks.map(({name}) => name)).toEqual(['ipi/ipi_send_cpu', 'csd/csd_queue_cpu'])
})

describe('watching with --trace', () => {
  const during = {
    '/proc/interrupts': interruptsText({LOC: [9, 9, 40, 30], RES: [1, 2, 13, 4], CAL: [9, 9, 9, 9]}),
  }
  const trace =
    HEAD + line('sshd-812', 0, 'csd_queue_cpu: cpu=2 callsite=a+0x2/0x4 func=do_sync_core csd=00000000aa')
  const watch = async (options: Parameters<typeof fakeLive>[1], how = {trace: true}) => {
    const live = fakeLive(goodFiles(), options)
    const get = gatherer(live.host, givens({}, how))
    return {...live, watch: await get(busy), get}
  }

  test('names the sender in the finding, and does not count the traced window', async () => {
    const {
      watch: seen,
      get,
      traced,
      running,
    } = await watch({
      during: {
        ...during,
        '/proc/interrupts': interruptsText({LOC: [900, 800, 30, 30], CAL: [9, 9, 12, 9], RES: [1, 2, 3, 4]}),
      },
      trace,
    })
    expect(traced).toHaveLength(1)
    expect(running.size).toBe(0)
    expect(seen.cpus.map(({interrupts}) => interrupts.map(({count}) => count))).toEqual([[3], []])
    const [finding] = disturbancesOf(seen, await get(circumstances)).ipi
    expect(finding?.message).toMatch(/; traced: do_sync_core sent by sshd \[812\] on CPU 0 from a \(1\)$/)
  })

  test('does not trace a quiet machine', async () => {
    expect((await watch({trace})).traced).toEqual([])
  })

  test('does not trace without --trace', async () => {
    expect((await watch({trace, during}, {trace: false})).traced).toEqual([])
  })

  test('reports why it could not trace', async () => {
    const error = new HostError('EACCES', '/sys/kernel/tracing/instances/isolctl-1', 'cannot trace in')
    const {watch: seen, get, running} = await watch({during, trace: error})
    const [finding] = disturbancesOf(seen, await get(circumstances)).tick
    expect(finding?.message).toMatch(/; could not be traced: cannot trace in .*: EACCES$/)
    expect(running.size).toBe(0)
  })
})

test('--one-by-one loads one CPU at a time, each for the whole window', async () => {
  const concurrently: number[] = []
  const {host, started, running} = fakeLive(goodFiles(), {onSleep: () => concurrently.push(running.size)})
  const watch = await gatherer(host, givens({}, {oneByOne: true}))(busy)
  expect(started.map((argv) => argv[2])).toEqual(['2', '3'])
  expect(new Set(concurrently)).toEqual(new Set([1]))
  expect(watch).toMatchObject({seconds: 10, spun: true, cpus: [{cpu: 2}, {cpu: 3}]})
})
