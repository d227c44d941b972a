// SPDX-License-Identifier: MIT
import {existsSync} from 'node:fs'
import {mkdtemp, readdir, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {parseConfig} from '../../src/config/load.ts'
import {PlanSchema} from '../../src/plan/plan.ts'
import {InitSchema} from '../../src/schema/init.ts'
import {TopologySchema} from '../../src/schema/machine.ts'
import {isolctl} from './isolctl.ts'

/**
 * Captures of real machines, which may not be distributed. They are beside the checkout if there
 * are any.
 */
const CAPTURES = ['../shared/hosts', '../../shared/hosts']
  .map((path) => join(import.meta.dirname, '../..', path))
  .find((path) => existsSync(path))

/** What is special about each machine, which its topology has to show. */
const EXPECTED: Readonly<Record<string, object>> = {
  'x86_64-epyc_7451.tar.gz': {online: '0-95', offline: '', smt: true, nohzFull: '', isolated: ''},
  'x86_64-64cpu-linux6.2.tar.gz': {online: '0-7', offline: '', smt: true, isolated: ''},
  '20em64t-hybrid-1p6c2t+2ca4co1t.tar.bz2': {online: '0-19', smt: true},
  '16em64t-4s2c2t-offlines.tar.bz2': {online: '0-1,3-4,6-12,15', offline: '2,5,13-14', smt: true},
  '128arm-2pa2n8cluster4co.tar.bz2': {online: '0-127', offline: '', smt: false},
  '32amd64-4s2n4c-cgroup2.tar.bz2': {online: '0-31', smt: false},
}

/** Out of thousands of files. */
const NEEDED = [
  ...['online', 'possible', 'present', 'isolated', 'nohz_full'].map((name) => `*/devices/system/cpu/${name}`),
  ...['core_id', 'physical_package_id', 'core_cpus_list', 'thread_siblings', 'thread_siblings_list'].map(
    (name) => `*/devices/system/cpu/cpu*/topology/${name}`,
  ),
  ...['online', 'node*', 'cpu_capacity', 'acpi_cppc/highest_perf'].map(
    (name) => `*/devices/system/cpu/cpu*/${name}`,
  ),
  '*/devices/system/node/node*/cpulist',
]

/**
 * The isolated and the housekeeping CPUs: one core of each node and the slower cores are kept,
 * cores stay whole, and offline CPUs are in neither.
 */
const PROPOSED: readonly (readonly [string, readonly [string, string]])[] = [
  [
    'x86_64-epyc_7451.tar.gz',
    [
      '1-5,7-11,13-17,19-23,25-29,31-35,37-41,43-47,49-53,55-59,61-65,67-71,73-77,79-83,85-89,91-95',
      '0,6,12,18,24,30,36,42,48,54,60,66,72,78,84,90',
    ],
  ],
  ['x86_64-64cpu-linux6.2.tar.gz', ['1-3,5-7', '0,4']],
  ['20em64t-hybrid-1p6c2t+2ca4co1t.tar.bz2', ['2-11', '0-1,12-19']],
  ['16em64t-4s2c2t-offlines.tar.bz2', ['1,3-4,6-7,9-12,15', '0,8']],
  ['128arm-2pa2n8cluster4co.tar.bz2', ['1-31,33-63,65-95,97-127', '0,32,64,96']],
  ['32amd64-4s2n4c-cgroup2.tar.bz2', ['1-3,5-7,9-11,13-15,17-19,21-23,25-27,29-31', '0,4,8,12,16,20,24,28']],
]

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
      const from = ['-xf', join(CAPTURES ?? '', archive), '-C', into]
      await execa('tar', [...from, '--wildcards', ...NEEDED], {reject: false}) // not every capture has every file
      roots.set(archive, join(into, (await readdir(into))[0] ?? ''))
    }
  }, 180_000)
  afterAll(() => rm(folder, {recursive: true}), 180_000)
  const rootOf = (archive: string) => roots.get(archive) ?? ''

  it.each(Object.entries(EXPECTED))('%s: topology', {timeout: 60_000}, async (archive, expected) => {
    const {stdout, exit} = await isolctl('topology', '--root', rootOf(archive), '--json')
    expect(exit).toBe(0)
    expect(TopologySchema.parse(JSON.parse(stdout))).toMatchObject(expected)
    const text = await isolctl('topology', '--root', rootOf(archive))
    const rows = text.stdout.slice(text.stdout.indexOf('\n\n') + 2).split('\n')
    expect(rows.filter((row) => row.length > 80)).toEqual([])
  })

  it.each(PROPOSED)(
    '%s: init proposes what can be defended',
    {timeout: 60_000},
    async (archive, expected) => {
      const {stdout, exit} = await isolctl('init', '--dry-run', '--root', rootOf(archive), '--json')
      expect(exit).toBe(0)
      const {isolated, housekeeping, config} = InitSchema.parse(JSON.parse(stdout))
      expect([isolated, housekeeping]).toEqual(expected)
      expect(`${parseConfig(config, 'c').isolated?.plain}`).toBe(isolated)
    },
  )

  it.each(Object.keys(EXPECTED))(
    '%s: plan reports what it does not know',
    {timeout: 60_000},
    async (archive) => {
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
    },
  )
})
