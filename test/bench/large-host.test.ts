// SPDX-License-Identifier: MIT
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {writeLargeHost} from '../../bench/large-host.ts'
import {ReportSchema} from '../../src/schema/preflight.ts'
import {isolctl} from '../commands/isolctl.ts'

test('preflight reports the generated machine as quiet, and reads all of it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  try {
    writeLargeHost(join(folder, 'host'), {cpus: 64, irqs: 20, threads: 300})
    const {stdout} = await isolctl('preflight', '--passive', '--json', '--root', join(folder, 'host'))
    const {host, checks} = ReportSchema.parse(JSON.parse(stdout))
    expect(host).toMatchObject({isolated: '4-63', housekeeping: '0-3'})
    expect(checks.filter(({status}) => status === 'fail').map(({id, findings}) => [id, findings])).toEqual([])
    for (const id of [
      'irq-affinity-requested',
      'irq-affinity-effective',
      'stray-tasks-allowed',
      'nohz-full-effective',
    ])
      expect(checks.find((check) => check.id === id)?.status).toBe('ok')
    expect(checks.find(({id}) => id === 'stray-tasks-allowed')?.evidence).toBe('300 threads looked at')
  } finally {
    await rm(folder, {recursive: true})
  }
}, 60_000) // a thousand files, and a machine that may be busy
