// SPDX-License-Identifier: MIT
import {spawnSync} from 'node:child_process'
import {describe, expect, it, test} from 'vitest'
import {ACTIVITIES, findActivities} from '../../src/model/activities.ts'
import {STEP_IDS} from '../../src/model/steps.ts'
import {endurancePage, renderActivity} from '../../src/report/activities.ts'
import {readSubjects} from './activity.ts'
import {buildId, refuseToMix} from './matrix.ts'

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
    const [old, now] = [
      {build: 'aa01', machine: 'QEMU'},
      {build: 'bb02', machine: 'QEMU'},
    ]
    const kept = [{id: 'x', result: 'held' as const}]
    expect(() => refuseToMix(old, kept, now)).toThrow(
      'build ID aa01, QEMU, and not of the kernel with build ID bb02',
    )
    expect(() => refuseToMix(old, kept, {...old, machine: 'KVM'})).toThrow('run all')
    expect(() => refuseToMix(old, kept, old)).not.toThrow()
    expect(() => refuseToMix(old, [], now)).not.toThrow()
  })
  it('finds the build ID of a kernel behind other notes', () => {
    const note = (name: string, type: number, body: string) => {
      const [head, text, data] = [Buffer.alloc(12), Buffer.from(`${name}\0`), Buffer.from(body, 'hex')]
      head.writeUInt32LE(text.length, 0)
      head.writeUInt32LE(data.length, 4)
      head.writeUInt32LE(type, 8)
      const padded = (part: Buffer) => Buffer.concat([part, Buffer.alloc(-part.length & 3)])
      return Buffer.concat([head, padded(text), padded(data)])
    }
    const notes = [note('Xen', 6, '01020304'), note('Linux', 3, 'ff'), note('GNU', 3, '8f8db477')]
    expect(buildId(Buffer.concat(notes))).toBe('8f8db477')
    expect(buildId(Buffer.concat(notes.slice(0, 2)))).toBeUndefined()
    expect(buildId(Buffer.alloc(0))).toBeUndefined()
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
