// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import {describe, expect, test} from 'vitest'
import {gatherer} from '../../src/facts/fact.ts'
import {counterDelta, parseInterrupts} from '../../src/facts/interrupts.ts'
import {atLeast, kernel} from '../../src/facts/kernel.ts'
import {parseKernelConfig} from '../../src/facts/kernel-config.ts'
import {parseRunQueues} from '../../src/facts/sched-debug.ts'
import {statusParser, withStat} from '../../src/facts/tasks.ts'
import {parseTimers} from '../../src/facts/timers.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {schedDebugText, taskFiles} from '../support/machine.ts'

describe('/proc/interrupts', () => {
  test('a column belongs to the CPU in its header', () => {
    const rows = parseInterrupts(
      '            CPU0       CPU2       CPU3\nLOC:   1   22   333   Local timer interrupts\n',
    )
    expect(Object.fromEntries(rows[0]?.counts ?? [])).toEqual({0: 1, 2: 22, 3: 333})
  })

  test.for<[string, string, string]>([
    ['  24:  0  1  PCI-MSIX-0000:00:05.0   1-edge      nvme0q1', '24', 'device'],
    [' LOC:  0  1  Local timer interrupts', 'LOC', 'timer'],
    ['  11:  0  1     GICv3  27 Level     arch_timer', '11', 'timer'],
    ['  14:  0  1     GICv3  23 Level     arm-pmu', '14', 'perf'],
    ['IPI0:  0  1       Rescheduling interrupts', 'IPI0', 'resched'],
    ['IPI1:  0  1       Function call interrupts', 'IPI1', 'call'],
    ['IPI5:  0  1       IRQ work interrupts', 'IPI5', 'irq-work'],
    [' MCP:  0  1  Machine check polls', 'MCP', 'machine-check'],
    [' PIN:  0  1  Posted-interrupt notification event', 'PIN', 'other'],
  ])('%s', ([line, name, kind]) => {
    expect(parseInterrupts(`  CPU0 CPU1\n${line}\n`)).toMatchObject([{name, class: kind}])
  })

  test('only the requested columns', () => {
    const [row] = parseInterrupts(
      '  CPU0 CPU1 CPU8\n LOC:  1  2  3  Local timer interrupts\n',
      CpuSet.parse('1-8'),
    )
    expect(Object.fromEntries(row?.counts ?? [])).toEqual({1: 2, 8: 3})
    expect(row?.label).toBe('Local timer interrupts')
  })

  test('CRLF line ends, and text instead of numbers', () => {
    const rows = parseInterrupts('  CPU0 CPU1\r\n LOC:  1  2  Local\r\n X:  1  2x  Nonsense\r\n')
    expect(rows.map(({name, label}) => [name, label])).toEqual([['LOC', 'Local']])
  })

  test('rows without counts per CPU are skipped, and a text without the header is refused', () => {
    expect(parseInterrupts('  CPU0 CPU1\n ERR:          0\n MIS:   0\n')).toEqual([])
    expect(() => parseInterrupts('')).toThrow('/proc/interrupts')
  })

  test('the printed rows are parsed back, with any CPUs offline', () => {
    const counts = fc.dictionary(fc.nat({max: 500}).map(String), fc.nat({max: 2 ** 32 - 1}), {minKeys: 1})
    fc.assert(
      fc.property(counts, (perCpu) => {
        const cpus = Object.keys(perCpu)
        const text = `   ${cpus.map((cpu) => `CPU${cpu}`).join('  ')}\n RES: ${cpus.map((cpu) => perCpu[cpu]).join(' ')}  Rescheduling interrupts\n`
        expect(Object.fromEntries(parseInterrupts(text)[0]?.counts ?? [])).toEqual({...perCpu})
      }),
    )
  })

  test('counters have 32 bits and only increase', () => {
    const counter = fc.nat({max: 2 ** 32 - 1})
    fc.assert(
      fc.property(counter, fc.nat({max: 2 ** 31}), (from, moved) => {
        expect(counterDelta(from, (from + moved) % 2 ** 32)).toBe(moved)
      }),
    )
  })
})

describe('a task', () => {
  test.for(['bash', 'a) R (b', 'kworker/u8:3-ev', ')', '((', 'tab\tnew'])('called "%s"', (comm) => {
    const files = taskFiles({tid: 7, comm, cpu: 3, allowed: '2-3', switches: 5, time: 9, flags: 0x0420_0020})
    const listed = statusParser()(7, 7, files['/proc/7/task/7/status'] ?? '')
    const task = listed && withStat(listed, files['/proc/7/task/7/stat'] ?? '')
    expect(task).toMatchObject({comm, cpu: 3, switches: 5, time: 9, kernel: true, worker: true, fixed: true})
    expect(`${task?.allowed}`).toBe('2-3')
  })

  test('without an affinity has exited', () => {
    expect(statusParser()(7, 7, 'Name:\tx\n')).toBeUndefined()
  })

  test('with a truncated stat file is skipped', () => {
    const listed = statusParser()(7, 7, 'Name:\tx\nCpus_allowed_list:\t0-3\n')
    expect(listed && withStat(listed, '7 (x) Z 1 2')).toBeUndefined()
  })

  test('shares its mask object with all tasks that have the same mask', () => {
    const parse = statusParser()
    const [a, b] = [1, 2].map((tid) => parse(tid, tid, `Name:\tx\nCpus_allowed_list:\t0-3\n`))
    expect(a?.allowed).toBe(b?.allowed)
  })
})

describe('run queues', () => {
  test('the queue of the CPU is read, not that of a task group', () => {
    const queues = parseRunQueues(
      schedDebugText({0: {running: 2, switches: 10}, 3: {running: 1, switches: 28}}),
    )
    expect(Object.fromEntries(queues)).toEqual({
      0: {running: 2, switches: 10, current: 0},
      3: {running: 1, switches: 28, current: 0},
    })
  })

  test('without a clock rate, as on arm64', () => {
    expect(
      parseRunQueues('cpu#12\n  .nr_running : 0\n  .nr_switches : 5\n  .curr->pid : 0\n').get(12)?.switches,
    ).toBe(5)
  })

  test('a block without the field is an error, not a zero', () => {
    expect(() => parseRunQueues('cpu#1\n  .nr_running : 0\n')).toThrow('nr_switches')
  })
})

test('timers: the armed functions of each CPU, and the state of the tick', () => {
  const timers = parseTimers(
    [
      'cpu: 2',
      ' clock 0:',
      'active timers:',
      ' #0: <00000000ab12>, tick_nohz_handler, S:01',
      ' # expires at 1-1 nsecs [in 2 to 2 nsecs]',
      ' #1: <00000000cd34>, watchdog_timer_fn, S:01',
      '  .tick_stopped   : 0',
      'cpu: 3',
      '  .tick_stopped   : 1',
      'Tick Device: mode:     1',
      'Per CPU device: 0',
    ].join('\n'),
  )
  expect(Object.fromEntries(timers)).toEqual({
    2: {functions: ['tick_nohz_handler', 'watchdog_timer_fn'], tickStopped: false},
    3: {functions: [], tickStopped: true},
  })
})

test('kernel config: values, strings without quotes, no entry for options that are off', () => {
  const symbols = parseKernelConfig(
    'CONFIG_HZ=250\n# CONFIG_A is not set\nCONFIG_LOCALVERSION="-x"\nCONFIG_B=m\n',
  )
  expect(Object.fromEntries(symbols)).toEqual({HZ: '250', LOCALVERSION: '-x', B: 'm'})
})

test.for<[string, boolean]>([
  ['6.12.117-isol1', true],
  ['6.11.0', false],
  ['7.0', true],
  ['5.14.0-503.el9', false],
])('%s is 6.12 or newer: %s', async ([release, expected]) => {
  const host = memoryHost({'/proc/version': `Linux version ${release} (gcc)\n`})
  expect(atLeast(await gatherer(host)(kernel), 6, 12)).toBe(expected)
})
