// SPDX-License-Identifier: MIT

import {describe, expect, test} from 'vitest'
import {type Check, defineCheck} from '../../src/checks/check.ts'
import {type CheckRunOptions, type Result, runChecks} from '../../src/checks/run.ts'
import {selectChecks} from '../../src/checks/select.ts'
import {defineFact, gatherer} from '../../src/facts/fact.ts'
import {NotMeasured} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {UserError} from '../../src/lib/errors.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {commandOf, type Remedy} from '../../src/model/finding.ts'
import {exitCode, judgeCpus} from '../../src/report/verdict.ts'

const one = defineFact('one', async () => 1)
const broken = defineFact<number>('broken', async () => {
  throw new Error('/proc/one: EACCES')
})
const notAsked = defineFact<number>('not-asked', async () => {
  throw new NotMeasured('--passive starts no spinner')
})

const check = (id: string, over: Partial<Check> = {}): Check =>
  defineCheck({
    id,
    title: `${id} holds`,
    why: 'because',
    values: 'none',
    facts: {one},
    judge: () => [],
    ...over,
  })

const FAIL = {severity: 'fail', message: 'no'} as const
const WARN = {severity: 'warn', message: 'hm'} as const

async function run(
  checks: readonly Check[],
  over: Partial<CheckRunOptions> = {},
): Promise<readonly Result[]> {
  const results: Result[] = []
  for await (const result of runChecks(checks, gatherer(memoryHost({})), {clock: () => 0, ...over}))
    results.push(result)
  return results
}

describe('running checks', () => {
  test.for<[string, Check, object]>([
    ['no finding', check('a', {evidence: () => 'seen'}), {status: 'ok', evidence: 'seen'}],
    ['a failure', check('a', {judge: () => [WARN, FAIL]}), {status: 'fail'}],
    ['a warning', check('a', {judge: () => [WARN]}), {status: 'warn'}],
    ['does not apply', check('a', {skip: () => 'no such thing'}), {status: 'skip', reason: 'no such thing'}],
    [
      'judge finds it unknown',
      check('a', {judge: () => ({unknown: 'too little'})}),
      {status: 'unknown', reason: 'too little'},
    ],
    ['fact cannot be read', check('a', {facts: {broken}}), {status: 'unknown', reason: '/proc/one: EACCES'}],
    [
      'fact was not measured',
      check('a', {facts: {notAsked}}),
      {status: 'skip', reason: '--passive starts no spinner'},
    ],
    [
      'judge crashes',
      check('a', {
        judge: () => {
          throw new TypeError('x is undefined')
        },
      }),
      {status: 'unknown', reason: 'x is undefined'},
    ],
    [
      'evidence crashes',
      check('a', {
        evidence: () => {
          throw new Error('oops')
        },
      }),
      {status: 'unknown'},
    ],
  ])('%s', async ([, spec, expected]) => {
    expect(await run([spec])).toMatchObject([expected])
  })

  test('in the given order, and a fact of two checks is read once', async () => {
    let reads = 0
    const counted = defineFact('counted', async () => ++reads)
    const results = await run([check('b', {facts: {counted}}), check('a', {facts: {counted}})])
    expect(results.map((result) => result.check.id)).toEqual(['b', 'a'])
    expect(reads).toBe(1)
  })

  test('--allow makes a failure a warning, and the result names it', async () => {
    const [result] = await run([check('a', {judge: () => [FAIL]})], {allow: new Set(['a'])})
    expect(result).toMatchObject({status: 'warn', allowed: true, findings: [FAIL]})
  })

  test('--allow does not change an unknown result', async () => {
    const [result] = await run([check('a', {facts: {broken}})], {allow: new Set(['a'])})
    expect(result?.status).toBe('unknown')
  })

  test('a remedy that all findings share is the remedy of the check', async () => {
    const [move, look] = [{text: 'move it', step: 'irq-affinity'} as const, {text: 'look'}]
    const found = async (...remedies: readonly Remedy[]) => {
      const [result] = await run([check('a', {judge: () => remedies.map((remedy) => ({...FAIL, remedy}))})])
      return result
    }
    expect(await found(move, {...move})).toMatchObject({findings: [FAIL, FAIL], remedy: move})
    expect(JSON.stringify(await found(move, {...move})).match(/move it/g)).toHaveLength(1)
    expect(await found(move, look)).toMatchObject({findings: [{remedy: move}, {remedy: look}]})
    expect(await found(move)).toMatchObject({findings: [{remedy: move}]})
  })

  test('the command of a step has the flags that name the target of the run', async () => {
    const remedy: Remedy = {text: 'move it', step: 'irq-affinity'}
    const other: Remedy = {text: 'look', command: 'dmesg'}
    const judge = () => [
      {...FAIL, remedy},
      {...FAIL, remedy: other},
    ]
    const commands = async (applyFlags?: readonly string[]) => {
      const [result] = await run([check('a', {judge})], applyFlags ? {applyFlags} : {})
      if (result === undefined || !('findings' in result)) throw new Error('it did not fail')
      return result.findings.map((finding) => finding.remedy && commandOf(finding.remedy))
    }
    expect(await commands(['--cpus', '4-5'])).toEqual([
      'isolctl apply --cpus 4-5 --only irq-affinity',
      'dmesg',
    ])
    expect(await commands()).toEqual(['isolctl apply --only irq-affinity', 'dmesg'])
  })

  test('an abort ends the run with its reason', async () => {
    const controller = new AbortController()
    const aborts = check('a', {
      judge: () => {
        controller.abort(new Error('stop'))
        return []
      },
    })
    await expect(run([aborts, check('b')], {signal: controller.signal})).rejects.toThrow('stop')
  })
})

describe('exit code', () => {
  test.for<[string, readonly Check[], boolean, number]>([
    ['all pass', [check('a')], false, 0],
    ['warnings', [check('a', {judge: () => [WARN]})], false, 0],
    ['warnings, strict', [check('a', {judge: () => [WARN]})], true, 1],
    ['unknown', [check('a'), check('b', {facts: {broken}})], false, 3],
    [
      'unknown and warnings, strict',
      [check('a', {judge: () => [WARN]}), check('b', {facts: {broken}})],
      true,
      1,
    ],
    ['unknown and a failure', [check('a', {judge: () => [FAIL]}), check('b', {facts: {broken}})], false, 1],
    ['skipped', [check('a', {skip: () => 'no'})], false, 0],
  ])('%s', async ([, checks, strict, expected]) => {
    expect(exitCode(await run(checks), {strict})).toBe(expected)
  })
})

describe('which CPUs are quiet', () => {
  const isolated = CpuSet.parse('2-3')
  const proof = [
    'tick-stopped-under-load',
    'irq-count-delta',
    'ipi-delta',
    'nmi-pmi-delta',
    'stray-tasks-present',
    'kthread-percpu-quiet',
    'rq-nr-switches',
  ]
  const verdict = async (checks: readonly Check[], allow = new Set<string>()) => {
    const {quiet, disturbed, unproven} = judgeCpus(await run(checks, {allow}), isolated)
    return {quiet: `${quiet}`, disturbed: `${disturbed}`, unproven: `${unproven}`}
  }
  const proven = proof.map((id) => check(id))

  test('those for which every check of the proof passed', async () => {
    expect(await verdict(proven)).toEqual({quiet: '2-3', disturbed: '', unproven: ''})
  })

  test('not those for which another check failed', async () => {
    const irq = check('irq-affinity-effective', {judge: () => [{...FAIL, cpus: CpuSet.of(3)}]})
    expect(await verdict([...proven, irq])).toEqual({quiet: '2', disturbed: '3', unproven: ''})
  })

  test.for(proof)('none when %s was left out, skipped, unknown or allowed', async (id) => {
    const none = {quiet: '', disturbed: '', unproven: '2-3'}
    const rest = proven.filter((other) => other.id !== id)
    expect(await verdict(rest)).toEqual(none)
    expect(await verdict([...rest, check(id, {facts: {notAsked}})])).toEqual(none)
    expect(await verdict([...rest, check(id, {facts: {broken}})])).toEqual(none)
    expect(await verdict([...rest, check(id, {judge: () => [FAIL]})], new Set([id]))).toEqual(none)
  })
})

describe('choosing checks', () => {
  const all = [check('fair-server'), check('irq-count-delta'), check('tick-stopped-under-load')]
  test('--only and --skip keep the order', () => {
    const only = ['tick-stopped-under-load', 'fair-server']
    expect(selectChecks(all, {only}).selected.map(({id}) => id)).toEqual([
      'fair-server',
      'tick-stopped-under-load',
    ])
    expect(selectChecks(all, {skip: ['fair-server']}).selected).toHaveLength(2)
  })

  test('extended checks run only with --extended, or by name', () => {
    const more = [...all, {...check('launch-limits'), extended: true as const}]
    const ids = (how: Parameters<typeof selectChecks>[1]) =>
      selectChecks(more, how).selected.map(({id}) => id)
    expect(ids({})).not.toContain('launch-limits')
    expect(ids({extended: true})).toContain('launch-limits')
    expect(ids({only: ['launch-limits']})).toEqual(['launch-limits'])
  })

  test.for(['tick-stoped', 'tick-stopped', 'tick-stopped-under-laod'])(
    '"%s" is answered with what it may mean',
    (id) => {
      expect(() => selectChecks(all, {only: [id]})).toThrow(
        expect.objectContaining({help: expect.stringContaining('tick-stopped-under-load')}),
      )
    },
  )

  test('a choice without a check is an error', () => {
    expect(() => selectChecks(all, {only: ['fair-server'], skip: ['fair-server']})).toThrow(UserError)
  })
})
