// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {CHECKS} from '../../src/checks/registry.ts'
import {type Result, runChecks} from '../../src/checks/run.ts'
import {gatherer} from '../../src/facts/fact.ts'
import type {HostView} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {changed, givens, goodFiles, type Over, taskFiles} from '../support/machine.ts'

const CPU = '/sys/devices/system/cpu'

async function results(host: HostView, over: Over = {}): Promise<readonly Result[]> {
  const found: Result[] = []
  for await (const result of runChecks(CHECKS, gatherer(host, givens(over)), {clock: () => 0}))
    found.push(result)
  return found
}

const statuses = (all: readonly Result[]) =>
  Object.fromEntries(all.map(({check, status}) => [check.id, status]))
const status = async (files: Record<string, string>, over: Over = {}) =>
  statuses(await results(memoryHost(files), over))

/**
 * Twelve groups of paths, each with every twelfth path. Paths next to each other are read by the
 * same fact, and the first damaged one would hide the effect of the next.
 */
const apart = (paths: readonly string[]): readonly (readonly string[])[] =>
  Array.from({length: 12}, (_, first) => paths.filter((_path, index) => index % 12 === first))

/** Texts of a crash in isolctl, which a result with the status unknown would contain. */
const OUR_FAULT =
  /undefined|NaN|not a function|not iterable|Cannot read prop|Invalid (regular|array)|RangeError/
const words = (result: Result) => JSON.stringify({...result, check: undefined})

describe('a damaged file', () => {
  test.for<[string, (text: string) => string]>([
    ['nothing', () => ''],
    ['a newline', () => '\n'],
    ['binary', () => '\u0000\u0001\ufffd\ufffd,-:;\u0007'],
    ['a number too large for anything', () => '99999999999999999999999999\n'],
    ['a cpulist of a million CPUs', () => '0-1000000\n'],
    ['a negative number', () => '-1\n'],
    ['half of it', (text) => text.slice(0, text.length / 2)],
    ['it twice', (text) => text + text],
    ['a long line', () => 'x'.repeat(100_000)],
  ])('%s: every check has a result, and none is from a crash', {timeout: 60_000}, async ([, spoil]) => {
    const good = goodFiles()
    for (const paths of apart(Object.keys(good))) {
      const spoilt = Object.fromEntries(paths.map((path) => [path, spoil(good[path] ?? '')]))
      const all = await results(memoryHost({...good, ...spoilt}))
      expect(all).toHaveLength(CHECKS.length)
      for (const result of all) expect(words(result)).not.toMatch(OUR_FAULT)
    }
  })

  test('half of a list or of a mask is unknown, and not the CPUs that are left', async () => {
    const files = changed({
      [`${CPU}/isolated`]: '2-3,\n', // 2-3,6-7
      [`${CPU}/nohz_full`]: '2-3,\n',
      '/sys/devices/virtual/workqueue/cpumask': '3,000\n', // 3,00000000
      '/proc/irq/default_smp_affinity': '3,000\n',
    })
    expect(await status(files)).toMatchObject({
      'isolcpus-effective': 'unknown',
      'nohz-full-effective': 'unknown',
      'wq-unbound-cpumask': 'unknown',
      'irqaffinity-effective': 'unknown',
    })
  })

  test('CR LF line ends change no result', async () => {
    const files = Object.fromEntries(
      Object.entries(goodFiles()).map(([path, text]) => [path, text.replaceAll('\n', '\r\n')]),
    )
    expect(await status(files)).toEqual(await status(goodFiles()))
  })

  test('missing files cause no crash', {timeout: 60_000}, async () => {
    for (const paths of apart(Object.keys(goodFiles()))) {
      const host = memoryHost(changed(Object.fromEntries(paths.map((path) => [path, undefined]))))
      for (const result of await results(host)) expect(words(result)).not.toMatch(OUR_FAULT)
    }
  })
})

describe('unusual machines', () => {
  test('missing CPU numbers, and offline CPUs', async () => {
    const isolated = CpuSet.parse('8,40')
    const files = changed({
      [`${CPU}/online`]: '0,8,16,40\n',
      [`${CPU}/present`]: '0,8,16,24,40\n',
      [`${CPU}/possible`]: '0-63\n',
      [`${CPU}/isolated`]: '8,40\n',
      [`${CPU}/nohz_full`]: '8,40\n',
      [`${CPU}/task_isolation`]: '8,40\n',
      '/sys/devices/system/node/node0/cpulist': '0,8,16,40\n',
      '/proc/interrupts': '      CPU0 CPU8 CPU16 CPU40\n LOC: 1 2 3 4 Local timer interrupts\n',
    })
    for (const cpu of isolated) files[`${CPU}/cpu${cpu}/topology/core_cpus_list`] = `${cpu}\n`
    const found = await status(files, {isolated, housekeeping: CpuSet.parse('0,16')})
    for (const id of ['isolcpus-effective', 'nohz-full-effective', 'cpus-exist-online', 'smt-sibling'])
      expect(found[id]).toBe('ok')
    expect(
      await status(files, {isolated: CpuSet.parse('24'), housekeeping: CpuSet.parse('0,16')}),
    ).toMatchObject({
      'cpus-exist-online': 'fail',
    })
  })

  test('(null) in nohz_full is an empty list', async () => {
    expect(await status(changed({[`${CPU}/nohz_full`]: '(null)\n'}))).toMatchObject({
      'nohz-full-effective': 'fail',
      'boot-cpu-not-isolated': 'ok',
      'housekeeping-intersect': 'ok',
    })
  })

  test('control groups of version 1', async () => {
    const found = await status(
      changed({
        '/sys/fs/cgroup': undefined,
        '/sys/fs/cgroup/cpuset/tasks': '1\n',
        '/sys/fs/cgroup/cpuset/cpuset.cpus': '0-3\n',
        '/sys/fs/cgroup/cpuset/docker/0123456789abcdef/cpuset.cpus': '2\n',
        '/sys/fs/cgroup/cpuset/docker/cpuset.cpus': '0-3\n',
      }),
    )
    expect(found).toMatchObject({
      'partition-valid': 'skip',
      'partition-vs-isolcpus': 'skip',
      'systemd-slices': 'skip',
      'container-runtime-conflict': 'fail',
    })
  })

  test('a thousand CPUs and a thousand masks', async () => {
    const all = '0-1023'
    const mask = Array.from({length: 32}, () => 'ffffffff').join(',')
    const isolated = CpuSet.parse('2-1023')
    const files = changed({
      [`${CPU}/online`]: `${all}\n`,
      [`${CPU}/present`]: `${all}\n`,
      [`${CPU}/possible`]: `${all}\n`,
      [`${CPU}/isolated`]: '2-1023\n',
      [`${CPU}/nohz_full`]: '2-1023\n',
      '/sys/devices/virtual/workqueue/cpumask': `${mask}\n`,
      '/proc/irq/default_smp_affinity': `${mask}\n`,
      ...taskFiles({tid: 60, comm: 'redis', allowed: all}),
    })
    const found = await results(memoryHost(files), {isolated})
    expect(statuses(found)).toMatchObject({
      'isolcpus-effective': 'ok',
      'wq-unbound-cpumask': 'fail',
      'irqaffinity-effective': 'fail',
    })
    expect(words(found.find(({check}) => check.id === 'wq-unbound-cpumask') as Result)).toMatch(
      /"cpus":"2-1023"/,
    )
  })

  test.for<[release: string, expected: Record<string, string>]>([
    ['6.1.0-56-amd64', {vmstat: 'warn', 'fair-server': 'skip', 'rt-throttle': 'skip'}],
    ['6.12.5', {vmstat: 'ok', 'fair-server': 'ok', 'rt-throttle': 'skip'}],
    ['7.1.0', {vmstat: 'ok', 'fair-server': 'ok', 'rt-throttle': 'skip'}],
  ])('Linux %s', async ([release, expected]) => {
    const old = release.startsWith('6.1.')
    const files = changed({
      '/proc/sys/kernel/osrelease': `${release}\n`,
      ...(old ? {'/sys/kernel/debug/sched/fair_server': undefined} : {}),
    })
    expect(await status(files)).toMatchObject(expected)
  })
})
