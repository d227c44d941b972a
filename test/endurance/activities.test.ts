// SPDX-License-Identifier: MIT
import {spawnSync} from 'node:child_process'
import {describe, expect, it, test} from 'vitest'
import {ACTIVITIES, findActivities} from '../../src/model/activities.ts'
import {STEP_IDS} from '../../src/model/steps.ts'
import {endurancePage, renderActivity} from '../../src/report/activities.ts'
import {readSubjects} from './activity.ts'
import {refuseToMix} from './matrix.ts'

const all = readSubjects().flatMap(({activities}) => activities)
const idsOf = (text: string) => findActivities(text).map(({id}) => id)

describe('the activities', () => {
  it('have ids of their own', () => {
    const ids = all.map(({id}) => id)
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
    expect(ids.length).toBeGreaterThan(260)
  })
  it('are shell text without mistakes', () => {
    const text = all
      .flatMap(({setup, inside, run, undo}) => [setup, inside, run, undo])
      .filter((part) => part !== undefined)
      .map((part) => `(\n${part}\n)\n`)
      .join('')
    expect(spawnSync('bash', ['-n'], {input: text, encoding: 'utf8'}).stderr).toBe('')
  })
  it('name steps of apply', () => {
    const steps: readonly string[] = STEP_IDS
    expect(all.flatMap(({prevented}) => prevented ?? []).filter((step) => !steps.includes(step))).toEqual([])
  })
})

describe('explain finds an activity', () => {
  test.for([
    ['tcpdump', 'tcpdump'],
    ['modprobe', 'modprobe'],
    ['perf stat -a', 'perf-stat-all'],
    ['NetworkManager', 'addresses'],
    ['cpu.max', 'cpu-quota-first'],
  ] as const)('%s', ([text, id]) => {
    expect(idsOf(text)).toContain(id)
  })
  it('by its id alone, if there is one', () => {
    expect(idsOf('programs')).toEqual(['programs'])
  })
  test.for(['', ' ', 'xyzzy', 'tcpdump xyzzy'])('and none for "%s"', (text) => {
    expect(idsOf(text)).toEqual([])
  })
})

describe('a result', () => {
  const plain = {paint: (_: string, text: string) => text, width: 100}
  const lines = (now: object) =>
    renderActivity(
      {id: 'x', title: 'do x', words: '', now: {result: 'held', ...now}},
      ACTIVITIES,
      plain,
    ).join('\n')

  it('that was not measured is never said to hold', () => {
    expect(lines({result: 'not tried', why: 'no tool x'})).toContain('not tried: no tool x')
    expect(lines({result: 'not tried', why: 'no tool x'})).not.toContain('isolation holds')
    expect(lines({result: 'died', why: 'the machine hung'})).toContain(
      'unknown: the machine stopped: the machine hung',
    )
  })
  it('names what was put off, and who ended isolation', () => {
    expect(lines({deferred: 18})).toContain('isolation holds, 18 interruptions were put off')
    expect(lines({result: 'broke', cause: 'ipi', by: 'do_sync_core', sentence: 'it was so'})).toContain(
      'ends isolation: it was so',
    )
  })
  it('that was not measured says nothing of apply, unless a step prevents it', () => {
    expect(lines({result: 'not tried', why: 'no tool x'})).not.toContain('isolctl apply')
    expect(lines({result: 'broke', sentence: 'it was so'})).toContain('does not prevent it')
  })
  it('of another kernel or machine is not stored beside others', () => {
    const [old, now] = ['6.12.1', '6.12.2'].map((release) => ({
      kernel: `Linux version ${release} (x@y)`,
      machine: 'QEMU',
    }))
    const kept = [{id: 'x', result: 'held' as const}]
    if (old === undefined || now === undefined) throw new Error('no kernels')
    expect(() => refuseToMix(old, kept, now)).toThrow('are of Linux 6.12.1, QEMU, and not of Linux 6.12.2')
    expect(() => refuseToMix(old, kept, {...old, machine: 'KVM'})).toThrow('run all')
    expect(() => refuseToMix(old, kept, old)).not.toThrow()
    expect(() => refuseToMix(old, [], now)).not.toThrow()
  })
  it('that was not tried before is not compared', () => {
    const before = (result: string) => ({
      ...{id: result, title: result, words: '', now: {result: 'held'}},
      before: {result, cause: '', by: ''},
    })
    const subjects = [{subject: 'x', activities: ['held', 'broke', 'not tried'].map(before)}]
    expect(endurancePage({...ACTIVITIES, subjects}).replaceAll('\n', ' ')).toContain('1 of 2 ended isolation')
  })
  it('of each activity is in the page', () => {
    const page = endurancePage(ACTIVITIES)
    expect(all.filter(({id}) => !page.includes(`(\`${id}\`)`))).toEqual([])
  })
})
