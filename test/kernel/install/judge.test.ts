// SPDX-License-Identifier: MIT
import {describe, expect, it} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {judge} from '../../../src/kernel/install/judge.ts'
import {readFragment, seriesFolder} from '../../../src/kernel/source/series.ts'

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

describe('a trial that preflight judges', () => {
  const trial = async (stdout: string) => {
    const host = memoryHost({
      '/proc/sys/kernel/osrelease': '6.12.117-isolctl',
      '/sys/devices/system/cpu/task_isolation': '2',
      '/boot/config-6.12.117-isolctl': await readFragment(seriesFolder(), 'isolation'),
    })
    host.run = async () => ({stdout})
    return judge(host, 'preflight', ['isolctl'])
  }

  it('passes when nothing failed and all is known; warnings are none of its business', async () => {
    expect(await trial(report(['a', 'ok'], ['b', 'warn'], ['c', 'skip']))).toBeUndefined()
  })

  it('names what failed, and what nobody knows', async () => {
    expect(await trial(report(['fair-server', 'fail'], ['b', 'ok'], ['c', 'unknown']))).toBe(
      'preflight: fair-server failed; c unknown',
    )
  })

  it('is not good enough when it cannot be judged', async () => {
    expect(await trial('Segmentation fault')).toMatch(/^preflight: /)
  })
})
