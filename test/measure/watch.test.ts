// SPDX-License-Identifier: MIT

import {describe, expect, test} from 'vitest'
import {gatherer} from '../../src/facts/fact.ts'
import {abortable} from '../../src/host/abortable.ts'
import {type HostView, NotMeasured} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {Interrupted} from '../../src/lib/errors.ts'
import {busy, watched} from '../../src/measure/watch.ts'
import {fakeLive, givens, goodFiles, interruptsText, schedDebugText, taskFiles} from '../support/machine.ts'

const SERVED = interruptsText({
  24: [5, 6, 0, 0],
  LOC: [999, 999, 30, 40],
  RES: [1, 2, 3, 14],
  CAL: [9, 9, 9, 19],
})

describe('a window that is shorter than the one that was asked for proves nothing', () => {
  const early = (host: HostView): HostView => ({
    ...host,
    ...(host.live
      ? {live: {...host.live, sleep: (ms) => host.live?.sleep(ms / 2) ?? Promise.resolve()}}
      : {}),
  })
  test('under load', async () => {
    const get = gatherer(early(fakeLive(goodFiles()).host), givens())
    await expect(get(busy)).rejects.toThrow('the window was 5 s long, and not the 10 s that were asked for')
  })
  test('without load', async () => {
    const get = gatherer(early(fakeLive(goodFiles()).host), givens({}, {spin: false, isolate: false}))
    await expect(get(watched)).rejects.toThrow('not the 10 s')
  })
  test('a spinner that ran for less than the window', async () => {
    const {host} = fakeLive(goodFiles(), {observedNs: 9_999_000_000})
    await expect(gatherer(host, givens())(busy)).rejects.toThrow('the window was 9.999 s long')
  })
})

test('a counter of context switches that goes back is not a proof', async () => {
  const {host} = fakeLive(goodFiles(), {
    during: {
      '/sys/kernel/debug/sched/debug': schedDebugText(
        Object.fromEntries([0, 1, 2, 3].map((cpu) => [cpu, {running: 1, switches: 0}])),
      ),
    },
  })
  const {cpus} = await gatherer(host, givens())(busy)
  expect(cpus[0]?.switches).toBeUndefined()
})

describe('watching CPUs under load', () => {
  test('starts a spinner on each at once, under the policy, and stops all', async () => {
    const {host, started, running} = fakeLive(goodFiles(), {
      onSleep: () => expect(running.size).toBe(2),
    })
    const get = gatherer(host, givens({policy: {kind: 'fifo', priority: 7}}))
    const watch = await get(busy)
    expect(started).toEqual([
      ['isol-spin', '--cpu', '2', '--policy', 'fifo:7', '--warm-up-ms', '3000'],
      ['isol-spin', '--cpu', '3', '--policy', 'fifo:7', '--warm-up-ms', '3000'],
    ])
    expect(running.size).toBe(0)
    expect(watch.seconds).toBe(10)
    expect(watch.spun).toBe(true)
    expect(watch.cpus.map(({cpu, interrupts, switches, ran}) => ({cpu, interrupts, switches, ran}))).toEqual([
      {cpu: 2, interrupts: [], switches: 0, ran: []},
      {cpu: 3, interrupts: [], switches: 0, ran: []},
    ])
    expect(watch.cpus[0]?.gaps?.maxGapNs).toBe(300)
  })

  test('counts interrupts on the CPU that took them', async () => {
    const {host} = fakeLive(goodFiles(), {during: {'/proc/interrupts': SERVED}})
    const {cpus} = await gatherer(host, givens())(busy)
    expect(
      cpus.map(({interrupts}) => Object.fromEntries(interrupts.map(({name, count}) => [name, count]))),
    ).toEqual([{}, {LOC: 10, RES: 10, CAL: 10}])
  })

  test('counts across the wrap of a 32-bit counter', async () => {
    const near = 2 ** 32 - 3
    const {host} = fakeLive(
      {...goodFiles(), '/proc/interrupts': interruptsText({LOC: [0, 0, near, 0]})},
      {during: {'/proc/interrupts': interruptsText({LOC: [0, 0, 4, 0]})}},
    )
    const {cpus} = await gatherer(host, givens())(busy)
    expect(cpus[0]?.interrupts).toMatchObject([{name: 'LOC', count: 7}])
  })

  test('counts an interrupt that is requested in the window from 0', async () => {
    const {host} = fakeLive(goodFiles(), {
      during: {
        '/proc/interrupts': interruptsText({
          LOC: [900, 800, 30, 30],
          RES: [1, 2, 3, 4],
          CAL: [9, 9, 9, 9],
          25: [0, 0, 0, 2],
        }),
      },
    })
    const {cpus} = await gatherer(host, givens())(busy)
    expect(cpus[1]?.interrupts).toMatchObject([{name: '25', class: 'device', count: 2}])
  })

  test('names tasks that ran, by switches and by time, and no task that is only assigned to the CPU', async () => {
    const before = {
      ...goodFiles(),
      ...taskFiles({tid: 50, comm: 'still', cpu: 3, switches: 5, time: 7}),
      ...taskFiles({tid: 51, comm: 'busy', cpu: 3, switches: 5, time: 7}),
    }
    const {host} = fakeLive(before, {
      during: {
        '/sys/kernel/debug/sched/debug': schedDebugText({
          2: {running: 1, switches: 28},
          3: {running: 2, switches: 34},
        }),
        ...taskFiles({tid: 51, comm: 'busy', cpu: 3, switches: 5, time: 9}),
        ...taskFiles({tid: 52, comm: 'new (one', cpu: 3, switches: 9, time: 9}),
        ...taskFiles({tid: 53, comm: 'elsewhere', cpu: 2, switches: 1}),
      },
    })
    const {cpus} = await gatherer(host, givens())(busy)
    expect(cpus[1]).toMatchObject({switches: 4, running: 2})
    expect(cpus[1]?.ran.map(({comm}) => comm)).toEqual(['busy', 'new (one'])
    expect(cpus[0]).toMatchObject({switches: 0, ran: []})
  })

  test('takes the switches of the spinner if debugfs cannot be read', async () => {
    const files = goodFiles()
    delete files['/sys/kernel/debug/sched/debug']
    const quiet = await gatherer(fakeLive(files).host, givens())(busy)
    expect(quiet.cpus.map(({switches}) => switches)).toEqual([0, 0])
    const {host} = fakeLive(files, {
      during: taskFiles({tid: 1003, comm: 'isol-spin', cpu: 3, allowed: '3', switches: 2}),
    })
    const disturbed = await gatherer(host, givens())(busy)
    expect(disturbed.cpus.map(({switches}) => switches)).toEqual([0, 2])
  })

  test('stops, with all spinners, if one cannot start', async () => {
    const refuse = {3: 'isol-spin: cannot run on CPU 3: Invalid argument'}
    const {host, running} = fakeLive(goodFiles(), {refuse})
    await expect(gatherer(host, givens())(busy)).rejects.toThrow('cannot run on CPU 3')
    expect(running.size).toBe(0)
  })

  test('stops all spinners on Ctrl-C, without a result', async () => {
    const controller = new AbortController()
    const {host, running} = fakeLive(goodFiles(), {
      onSleep: (ms) => {
        if (ms === 10_000) controller.abort(new Interrupted())
      },
    })
    await expect(gatherer(abortable(host, controller.signal), givens())(busy)).rejects.toThrow(Interrupted)
    expect(running.size).toBe(0)
  })

  test('starts isolated spinners if asked to, and keeps the record of the kernel', async () => {
    const files = {...goodFiles(), '/proc/1002/task_isolation': 'state:\tisolated\ncause:\tnone\n'}
    const {host, started} = fakeLive(files)
    const {cpus} = await gatherer(host, givens({}, {isolate: true}))(busy)
    expect(started[0]).toContain('--isolate')
    expect(cpus[0]?.isolation?.state).toBe('isolated')
  })
})

describe('watching without load', () => {
  test('starts no spinner, and measures what needs no load', async () => {
    const {host, started} = fakeLive(goodFiles(), {during: {'/proc/interrupts': SERVED}})
    const get = gatherer(host, givens({}, {spin: false}))
    await expect(get(busy)).rejects.toThrow(NotMeasured)
    const watch = await get(watched)
    expect(started).toEqual([])
    expect(watch.spun).toBe(false)
    expect(watch.cpus[1]?.interrupts).toMatchObject([{name: 'LOC'}, {name: 'RES'}, {name: 'CAL'}])
  })

  test('fails on a captured machine', async () => {
    const get = gatherer(memoryHost(goodFiles()), givens())
    await expect(get(busy)).rejects.toThrow(NotMeasured)
    await expect(get(watched)).rejects.toThrow(NotMeasured)
  })
})
