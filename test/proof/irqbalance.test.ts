// SPDX-License-Identifier: MIT
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {amissIn, INJECTIONS} from '../lab/guest/injections.ts'
import {expectHarmless, failures, type Parts, reportOf, runScenarios, said} from '../lab/guest.ts'

let parts: Parts = {}
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  // Unpacked and not installed, because Debian starts the daemons that it installs.
  await execa('apt-get', ['download', '-q', 'irqbalance'], {cwd: folder})
  await execa('sh', ['-c', 'dpkg-deb -x irqbalance_*.deb .'], {cwd: folder})
  parts = await runScenarios(['quiet', 'irqbalance'], {
    env: {IRQBALANCE: join(folder, 'usr/sbin/irqbalance')},
  })
})
afterAll(() => rm(folder, {recursive: true, force: true}))

test('the real irqbalance is judged by its environment, running and stopped', () => {
  expect(failures(parts)).toEqual([])
  expectHarmless(parts)
  const {id, says, after} = INJECTIONS['irqbalance configured wrong'] ?? {id: '', says: /^$/, after: ''}
  // Besides, it may move interrupts to isolated CPUs, as the check predicts.
  expect(amissIn(reportOf(parts, 'irqbalance configured wrong'))).toMatchObject({[id]: 'fail'})
  expect(said(reportOf(parts, 'irqbalance configured wrong'), id)).toMatch(says)
  expect(amissIn(reportOf(parts, after))).toEqual({})
})
