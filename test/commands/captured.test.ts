// SPDX-License-Identifier: MIT
import {existsSync} from 'node:fs'
import {mkdtemp, readdir, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {PlanSchema} from '../../src/plan/plan.ts'
import {TopologySchema} from '../../src/report/schema/machine.ts'
import {isolctl} from './isolctl.ts'

/** Captures of real machines that are not ours to ship: beside the checkout, for whoever has them. */
const CAPTURES = ['../shared/hosts', '../../shared/hosts']
  .map((path) => join(import.meta.dirname, '../..', path))
  .find((path) => existsSync(path))

/** What is special about each, as its topology has to tell. */
const EXPECTED: Readonly<Record<string, object>> = {
  'x86_64-epyc_7451.tar.gz': {online: '0-95', offline: '', smt: true, nohzFull: '', isolated: ''},
  'x86_64-64cpu-linux6.2.tar.gz': {online: '0-7', offline: '', smt: true, isolated: ''},
  '20em64t-hybrid-1p6c2t+2ca4co1t.tar.bz2': {online: '0-19', smt: true},
  '16em64t-4s2c2t-offlines.tar.bz2': {online: '0-1,3-4,6-12,15', offline: '2,5,13-14', smt: true},
  '128arm-2pa2n8cluster4co.tar.bz2': {online: '0-127', offline: '', smt: false},
  '32amd64-4s2n4c-cgroup2.tar.bz2': {online: '0-31', smt: false},
}

const title = CAPTURES
  ? 'captured machines'
  : 'captured machines (skipped: no ../shared/hosts beside the checkout)'
describe.skipIf(CAPTURES === undefined)(title, () => {
  let folder = ''
  const roots = new Map<string, string>()
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
    for (const archive of Object.keys(EXPECTED)) {
      const into = await mkdtemp(join(folder, 'host-'))
      await execa('tar', ['-xf', join(CAPTURES ?? '', archive), '-C', into])
      roots.set(archive, join(into, (await readdir(into))[0] ?? ''))
    }
  }, 60_000)
  afterAll(() => rm(folder, {recursive: true}))
  const rootOf = (archive: string) => roots.get(archive) ?? ''

  it.each(Object.entries(EXPECTED))('%s: topology', async (archive, expected) => {
    const {stdout, exit} = await isolctl('topology', '--root', rootOf(archive), '--json')
    expect(exit).toBe(0)
    expect(TopologySchema.parse(JSON.parse(stdout))).toMatchObject(expected)
    const text = await isolctl('topology', '--root', rootOf(archive))
    const rows = text.stdout.slice(text.stdout.indexOf('\n\n') + 2).split('\n')
    expect(rows.filter((row) => row.length > 80)).toEqual([])
  })

  it.each(Object.keys(EXPECTED))('%s: plan does not pretend to know', async (archive) => {
    const {stdout, stderr, exit} = await isolctl('plan', '--root', rootOf(archive), '--cpus', '3', '--json')
    if (archive.startsWith('16em64t')) {
      expect([exit, stdout]).toEqual([69, expect.stringContaining('cannot tell which CPUs are online')])
      return
    }
    // None of them has /proc/irq or the workqueues' masks.
    expect([exit, stderr]).toEqual([3, ''])
    const {unknown, isolated} = PlanSchema.parse(JSON.parse(stdout))
    expect(isolated).toBe('3')
    expect(unknown.map(({id}) => id)).toEqual(expect.arrayContaining(['irq-affinity', 'workqueue-cpumask']))
  })
})
