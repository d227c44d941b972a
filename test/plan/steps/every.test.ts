// SPDX-License-Identifier: MIT

import {describe, expect, it, test} from 'vitest'
import {CHECKS} from '../../../src/checks/registry.ts'
import {type Fact, gatherer, given} from '../../../src/facts/fact.ts'
import {invocation} from '../../../src/facts/invocation.ts'
import {settings} from '../../../src/facts/settings.ts'
import {probe} from '../../../src/measure/watch.ts'
import {cpusOf} from '../../../src/model/change.ts'
import {CpuSet} from '../../../src/model/cpuset.ts'
import type {Settings} from '../../../src/model/settings.ts'
import {outOfBounds} from '../../../src/plan/bounds.ts'
import {changeCount, makePlan} from '../../../src/plan/plan.ts'
import {chooseSteps, STEPS} from '../../../src/plan/registry.ts'
import type {Step} from '../../../src/plan/step.ts'
import {untunedFiles} from '../../support/untuned.ts'
import {alive, applyAll, type machine as Machine, machine, undoAll} from '../machine.ts'

const asked: Settings = {
  isolated: CpuSet.parse('2-3'),
  housekeeping: CpuSet.parse('0-1'),
  policy: {kind: 'fifo', priority: 1},
  windowMs: 1000,
}

/** A boot loader with the arguments that it passed. */
const BOOT: Readonly<Record<string, string>> = {
  '/proc/cmdline': 'ro quiet\n',
  '/proc/sys/kernel/osrelease': '6.12.1\n',
  '/sys/devices/system/cpu/possible': '0-3\n',
  '/boot/loader/entries/debian-6.12.1.conf': 'title Debian\nversion 6.12.1\nlinux /linux\noptions ro quiet\n',
}

/** Some steps are for other machines than the rest. */
function machineFor(step: Step): Record<string, string> {
  const files = untunedFiles()
  const cpu = '/sys/devices/system/cpu'
  const partition = '/sys/fs/cgroup/isolctl'
  if (step.id === 'fair-server')
    return {
      ...files,
      '/sys/kernel/debug/sched/fair_server/cpu2/runtime': '50000000\n',
      '/sys/kernel/debug/sched/fair_server/cpu3/runtime': '0\n',
    }
  // The kernel creates the files of a cgroup with it; the memory host does not.
  if (step.id === 'cpuset-partition')
    return {...files, [`${partition}/cpuset.cpus`]: '\n', [`${partition}/cpuset.cpus.partition`]: 'member\n'}
  if (step.id === 'smt-siblings') return {...files, [`${cpu}/cpu3/topology/core_cpus_list`]: '1,3\n'}
  if (step.id === 'boot-arguments') return {...files, ...BOOT}
  // The threads of other steps, and one that follows an interrupt.
  if (step.id === 'rcu-kthreads')
    return Object.fromEntries(Object.entries(files).filter(([path]) => !/^\/proc\/(2|40|41)\//.test(path)))
  if (step.id === 'kthread-affinity')
    return Object.fromEntries(Object.entries(files).filter(([path]) => !/^\/proc\/(17|41)\//.test(path)))
  return files
}

const settingsFor = (step: Step): Settings =>
  step.id === 'fair-server' ? {...asked, policy: {kind: 'other'}} : asked

const known = [
  given(invocation, {program: ['/usr/bin/node', '/opt/my app/run.js'] as const, flags: ['--cpus', '2-3']}),
]

const planFor = (m: ReturnType<typeof Machine>, step: Step) =>
  makePlan(m.host, {settings: settingsFor(step), steps: [step], known})

const trimmed = (m: ReturnType<typeof Machine>) =>
  Object.fromEntries([...m.memory.files].map(([path, text]) => [path, text.trim()]))

/** The result of the step's check on the machine; undefined when this isolctl has no such check. */
async function verdict(m: ReturnType<typeof Machine>, step: Step) {
  const check = CHECKS.find(({id}) => id === step.check)
  if (check === undefined) return undefined
  const get = gatherer(m.host, [
    given(settings, settingsFor(step)),
    given(probe, {spin: false, isolate: false}),
  ])
  const facts = Object.fromEntries(
    await Promise.all(
      Object.entries(check.facts).map(async ([name, fact]) => [name, await get(fact as Fact<unknown>)]),
    ),
  )
  const findings = check.judge(facts)
  return 'unknown' in findings
    ? findings.unknown
    : findings.map(({message, subject}) => `${subject}: ${message}`)
}

/**
 * Results that isolctl does not produce here: those of systemd and irqbalance, those of a reboot,
 * and what stays on the management card.
 */
const ELSEWHERE = [
  'boot-arguments',
  'irqbalance-ban',
  'systemd-slices',
  'irq-affinity',
  'management-nic',
  'rps-xps',
  'persistence',
]

describe.for(STEPS)('$id', (step) => {
  it('has changes on an untuned machine, then none, and undo restores every byte', async () => {
    const m = machine(machineFor(step))
    const before = trimmed(m)
    const plan = await planFor(m, step)
    expect(plan.unknown).toEqual([])
    expect(changeCount(plan)).toBeGreaterThan(0)
    expect((await applyAll(plan, m.under(alive))).outcome.status).toBe('applied')
    if (!plan.steps[0]?.changes.some(({kind}) => kind === 'run')) expect(trimmed(m)).not.toEqual(before)
    // The memory host does not carry out commands of systemd.
    if (!['systemd-slices', 'smt-siblings', 'persistence'].includes(step.id))
      expect(changeCount(await planFor(m, step))).toBe(0)
    const undone = await undoAll(m.under(alive))
    expect(undone.filter(({result}) => result !== 'undone')).toEqual([])
    expect(trimmed(m)).toEqual(before)
  })

  it('stays within the places and commands of isolctl', async () => {
    const {steps} = await planFor(machine(machineFor(step)), step)
    for (const change of steps.flatMap(({changes}) => changes)) expect(outOfBounds(change)).toBeUndefined()
  })

  it('never uses an isolated CPU, and always a housekeeping CPU', async () => {
    const {steps} = await planFor(machine(machineFor(step)), step)
    for (const change of steps.flatMap(({changes}) => changes)) {
      const format = change.kind === 'set' ? change.format : 'cpulist'
      if (change.kind !== 'set' && change.kind !== 'affinity') continue
      if (format !== 'cpulist' && format !== 'cpumask') continue
      const to = cpusOf(format, change.to) ?? CpuSet.empty
      const wanted = step.id === 'cpuset-partition' ? asked.isolated : asked.housekeeping
      expect(to.isEmpty).toBe(false)
      expect(to.isSubsetOf(wanted)).toBe(true)
    }
  })
})

describe.for(STEPS.filter(({id}) => !ELSEWHERE.includes(id)))('$id', (step) => {
  it('satisfies its check', async () => {
    const m = machine(machineFor(step))
    const before = await verdict(m, step)
    if (before !== undefined) expect(before).not.toEqual([])
    const plan = await planFor(m, step)
    await applyAll(plan, m.under(alive))
    const after = await verdict(m, step)
    // The kernel removes an offline CPU from the list of online CPUs; the memory host does not.
    if (after !== undefined && step.id !== 'smt-siblings') expect(after).toEqual([])
  })
})

test('steps that may disconnect the operator are applied only on request', () => {
  const plain = chooseSteps({})
  expect(plain.steps.map(({id}) => id)).not.toContain('management-nic')
  expect(plain.offered.map(({id}) => id)).toEqual([
    'cpuset-partition',
    'systemd-slices',
    'smt-siblings',
    'management-nic',
    'persistence',
  ])
  expect(chooseSteps({also: ['management-nic']}).steps.map(({id}) => id)).toContain('management-nic')
  expect(chooseSteps({only: ['management-nic']}).steps).toHaveLength(1)
  expect(chooseSteps({never: ['mce-poll']}).steps.map(({id}) => id)).not.toContain('mce-poll')
})

test('the management card is detected, noted, and not changed by the steps that move other cards', async () => {
  const m = machine(untunedFiles())
  const plan = await makePlan(m.host, {settings: asked, ...chooseSteps({})})
  const texts = JSON.stringify(plan.steps.flatMap(({changes}) => changes))
  expect(texts).not.toContain('/proc/irq/25/')
  expect(texts).not.toContain('/net/eth0/')
  expect(texts).toContain('/net/eth1/')
  expect(plan.onRequest?.find(({id}) => id === 'management-nic')).toMatchObject({changes: 2})
  const notes = plan.steps.flatMap((step) => step.notes)
  expect(
    notes.filter(({reason}) => reason.includes('--also management-nic')).map(({subject}) => subject),
  ).toEqual(['irq 25 (eth0-rx-0)', 'eth0 rx-0'])
})

describe('the unit', () => {
  const plan = async (files = untunedFiles()) => {
    const m = machine(files)
    return makePlan(m.host, {settings: asked, steps: STEPS.filter(({id}) => id === 'persistence'), known})
  }

  it('calls isolctl with the same flags, excludes the management card, and starts before ordinary units', async () => {
    const {steps} = await plan()
    const file = steps[0]?.changes.find((change) => change.kind === 'file')
    expect(file?.to).toContain(
      'ExecStart=/usr/bin/node "/opt/my app/run.js" apply --yes --cpus 2-3 --spare-nic eth0\n',
    )
    expect(file?.to).toMatch(/^Before=basic.target/m)
    expect(file?.to).toMatch(/^After=sysinit.target/m)
    expect(file?.to).toMatch(/^ExecStartPre=-udevadm settle/m)
  })

  it('is not offered when systemd is not the init system', async () => {
    const {'/run/systemd/system/.keep': _, ...files} = untunedFiles()
    expect((await plan(files)).unknown[0]?.reason).toContain('systemd does not run this machine')
  })
})
