// SPDX-License-Identifier: MIT
import {rm} from 'node:fs/promises'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {judge} from '../../../src/kernel/install/judge.ts'
import {FRAGMENTS, twoSeries} from './two-series.ts'

const report = (...statuses: readonly (readonly [id: string, status: string])[]) =>
  JSON.stringify({
    schema: 'isolctl.report/1',
    isolctl: '0.0.0',
    host: {name: 'here', isolated: '2', housekeeping: '0-1'},
    policy: 'other',
    ok: statuses.every(([, status]) => status !== 'fail' && status !== 'unknown'),
    summary: {ok: 0, warn: 0, fail: 0, skip: 0, unknown: 0},
    cpus: {quiet: '2', disturbed: '', unproven: ''},
    checks: statuses.map(([id, status]) => ({id, title: id, status, ms: 0})),
  })

let patches: string
beforeAll(async () => {
  patches = await twoSeries()
})
afterAll(() => rm(patches, {recursive: true}))

const machine = (version: keyof typeof FRAGMENTS, config = version) =>
  memoryHost({
    '/proc/sys/kernel/osrelease': `${version}.5-isolctl`,
    '/sys/devices/system/cpu/task_isolation': '2',
    [`/boot/config-${version}.5-isolctl`]: FRAGMENTS[config],
  })

describe('a trial that preflight judges', () => {
  const trial = async (stdout: string) => {
    const host = machine('6.12')
    host.run = async () => ({stdout})
    return judge(host, 'preflight', ['isolctl'], patches)
  }

  it('passes if nothing failed and nothing is unknown; a warning does not matter', async () => {
    expect(await trial(report(['a', 'ok'], ['b', 'warn'], ['c', 'skip']))).toBeUndefined()
  })

  it('names what failed and what is unknown', async () => {
    expect(await trial(report(['fair-server', 'fail'], ['b', 'ok'], ['c', 'unknown']))).toBe(
      'preflight: fair-server failed; c unknown',
    )
  })

  it('fails if preflight gives no report', async () => {
    expect(await trial('Segmentation fault')).toMatch(/^preflight: /)
  })
})

describe('a trial with the gate "verify"', () => {
  it('needs what the series for the version of the running kernel needs', async () => {
    expect(await judge(machine('6.18'), 'verify', ['isolctl'], patches)).toBeUndefined()
    expect(await judge(machine('6.18', '6.12'), 'verify', ['isolctl'], patches)).toBe(
      '/boot/config-6.18.5-isolctl differs from what the series for 6.18 needs: CONFIG_NEW=n (y), CONFIG_OLD=y (n)',
    )
  })
})
