// SPDX-License-Identifier: MIT
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {ReportSchema} from '../../src/schema/preflight.ts'
import {amissIn, CAPTURED, INJECTIONS} from '../lab/guest/injections.ts'
import {isolctl} from './isolctl.ts'

/** The lab machine, captured quiet and with each disturbance injected (npm run captures). */
const HOSTS = join(import.meta.dirname, '../hosts/lab')
const fileOf = (name: string) => `${name.replaceAll(' ', '-')}.tgz`

test('there is a capture of each disturbance', async () => {
  expect((await readdir(HOSTS)).toSorted()).toEqual(Object.keys(CAPTURED).map(fileOf).toSorted())
})

test.for(Object.entries(CAPTURED))('%s: exactly its checks report it', async ([name, amiss]) => {
  const {stdout} = await isolctl('preflight', '--root', join(HOSTS, fileOf(name)), '--json')
  const report = ReportSchema.parse(JSON.parse(stdout))
  expect(amissIn(report)).toEqual(amiss)
  expect(report.checks.filter(({status}) => status === 'ok').length).toBeGreaterThan(30)
  const {id, says} = INJECTIONS[name] ?? {}
  if (id === undefined || says === undefined) return
  const findings = report.checks.find((check) => check.id === id)?.findings ?? []
  expect(findings.map(({subject, message}) => `${subject}: ${message}`).join()).toMatch(says)
})

test('advice to apply a step names the CPUs and the config of the run', async () => {
  const root = join(HOSTS, fileOf('irq pinned'))
  const only = ['--only', 'irq-affinity-requested', '--root', root, '--passive']
  const {stdout} = await isolctl('preflight', ...only, '--cpus', '3')
  expect(stdout).toContain('isolctl apply --cpus 3 --only irq-affinity\n')
  const json = await isolctl('preflight', ...only, '--cpus', '3', '--json')
  expect(json.stdout).toContain('"isolctl apply --cpus 3 --only irq-affinity"')
  const asBooted = await isolctl('preflight', ...only)
  expect(asBooted.stdout).toContain('isolctl apply --only irq-affinity\n')
})
