// SPDX-License-Identifier: MIT
import {chmod, mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it, test} from 'vitest'
import {PlanSchema} from '../../src/plan/plan.ts'
import {StatusSchema, TopologySchema} from '../../src/schema/machine.ts'
import {isolctl, plant} from './isolctl.ts'

const CPU = '/sys/devices/system/cpu'
const cpu = (n: number, siblings: string) => ({
  [`${CPU}/cpu${n}/topology/physical_package_id`]: '0\n',
  [`${CPU}/cpu${n}/topology/core_id`]: `${n % 2}\n`,
  [`${CPU}/cpu${n}/topology/core_cpus_list`]: `${siblings}\n\0`,
  [`${CPU}/cpu${n}/node0/cpulist`]: '0-3\n',
})

/** Four CPUs, two cores. CPUs 2-3 were isolated at boot, but interrupts still go to them. */
const MACHINE = {
  ...cpu(0, '0,2'),
  ...cpu(1, '1,3'),
  ...cpu(2, '0,2'),
  ...cpu(3, '1,3'),
  [`${CPU}/online`]: '0-3\n',
  [`${CPU}/present`]: '0-4\n',
  [`${CPU}/cpu4/online`]: '0\n',
  [`${CPU}/isolated`]: '2-3\n',
  [`${CPU}/nohz_full`]: '2-3\n',
  '/proc/sys/kernel/osrelease': '5.10.0\n',
  '/proc/sys/kernel/random/boot_id': 'boot\n',
  '/proc/irq/default_smp_affinity': 'f\n',
  '/proc/irq/24/smp_affinity_list': '0-3\n',
  '/sys/kernel/irq/24/actions': 'nvme0q3\n',
  '/proc/irq/31/smp_affinity_list': '3\n',
  '/sys/kernel/irq/31/actions': 'a-network-card-with-a-long-name-rx-2\n',
  '/sys/devices/virtual/workqueue/cpumask': 'f\n',
}

let root = ''
beforeAll(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'isolctl-test-')), 'captured')
  await plant(root, MACHINE)
})
afterAll(() => rm(join(root, '..'), {recursive: true}))

/** Output without the headline, which has the path of this run. */
const body = (text: string) => text.slice(text.indexOf('\n\n') + 2)

describe('topology', () => {
  it('prints a table', async () => {
    const {stdout, exit} = await isolctl('topology', '--root', root)
    expect(exit).toBe(0)
    expect(body(stdout)).toMatchInlineSnapshot(`
      "CPU  socket   node  core  siblings  isolated  nohz_full
      0    0        0     0     0,2       -         -
      1    0        0     1     1,3       -         -
      2    0        0     0     0,2       yes       yes
      3    0        0     1     1,3       yes       yes
      4    offline                        -         -
      "
    `)
  })

  it('prints isolctl.topology/1 with --json', async () => {
    const report = TopologySchema.parse(
      JSON.parse((await isolctl('topology', '--root', root, '--json')).stdout),
    )
    expect(report).toMatchObject({online: '0-3', offline: '4', isolated: '2-3', nohzFull: '2-3', smt: true})
    expect(report.cpus[3]).toEqual({
      ...{cpu: 3, online: true, socket: 0, node: 0, core: 1, siblings: '1,3'},
      ...{isolated: true, nohzFull: true},
    })
  })

  it('fails for a directory that is not a machine', async () => {
    const {stderr, exit} = await isolctl('topology', '--root', join(root, 'proc'))
    expect([exit, stderr]).toEqual([69, expect.stringContaining('/sys/devices/system/cpu does not exist')])
  })
})

describe('plan', () => {
  const only = ['--only', 'irq-affinity', '--only', 'workqueue-cpumask']

  it('prints a diff that fits an 80-column terminal', async () => {
    const {stdout, exit} = await isolctl('plan', '--root', root, ...only)
    expect(exit).toBe(10)
    expect(body(stdout)).toMatchInlineSnapshot(`
      "irq-affinity   Move interrupts to housekeeping CPUs 0-1             until reboot
        housekeeping CPUs handle these interrupts; no device is reset
        ~ /proc/irq/default_smp_affinity   f -> 3
            interrupts requested from now on
        ~ /proc/irq/24/smp_affinity_list   0-3 -> 0-1   nvme0q3
        ~ /proc/irq/31/smp_affinity_list   3 -> 0-1
            a-network-card-with-a-long-name-rx-2

      workqueue-cpumask   Keep unbound work on housekeeping CPUs 0-1      until reboot
        storage and network may stall for a moment while queues move
        ~ /sys/devices/virtual/workqueue/cpumask   f -> 3

      Apply with: isolctl apply --only irq-affinity --only workqueue-cpumask
      Undo later with: isolctl undo
      "
    `)
    expect(
      stdout
        .split('\n')
        .slice(1)
        .filter((line) => line.length > 80),
    ).toEqual([])
  })

  it('prints isolctl.plan/1 with --json, and can be saved', async () => {
    const file = join(root, '../plan.json')
    const {stdout} = await isolctl('plan', '--root', root, ...only, '--json', '--out', file)
    const plan = PlanSchema.parse(JSON.parse(stdout))
    expect(PlanSchema.parse(JSON.parse(await readFile(file, 'utf8')))).toEqual(plan)
    expect(plan.isolated).toBe('2-3')
  })

  it('names other CPUs in the command that applies the plan', async () => {
    const {stdout} = await isolctl('plan', '--root', root, '--cpus', '3', '--only', 'workqueue-cpumask')
    expect(stdout).toContain('Apply with: isolctl apply --cpus 3 --only workqueue-cpumask')
  })

  it('reports a plan that cannot be made as unknown', async () => {
    const bare = join(root, '../bare')
    await plant(bare, {[`${CPU}/online`]: '0-3\n'})
    const {stdout, exit} = await isolctl('plan', '--root', bare, '--cpus', '2', ...only)
    expect(exit).toBe(3)
    expect(stdout).toContain('cannot be planned: /proc/irq does not exist')
    expect(stdout).not.toContain('nothing to do')
  })

  test.for([
    ['--cpus', '0', 'CPU 0 cannot be isolated'],
    ['--cpus', '2-9', 'CPU 4-9 is not online'],
    ['--cpus', 'x', 'not a cpulist'],
    ['--only', 'nothing', '--only does not take "nothing"'],
    ['--out', '/proc/nowhere/plan.json', 'cannot write the plan'],
  ] as const)('refuses %s %s', async ([flag, value, message]) => {
    const {stderr, exit, stdout} = await isolctl('plan', '--root', root, flag, value)
    expect([exit, stderr, stdout]).toEqual([2, expect.stringContaining(message), ''])
  })
})

describe('status', () => {
  it('is short for an unchanged machine', async () => {
    const {stdout, exit} = await isolctl('status', '--root', root)
    expect([exit, stdout]).toEqual([0, expect.stringContaining('nothing is applied')])
    const json = await isolctl('status', '--root', root, '--json')
    expect(StatusSchema.parse(JSON.parse(json.stdout))).toMatchObject({ok: true, changes: []})
  })

  it('names the line of a damaged journal', async () => {
    const damaged = join(root, '../damaged')
    await plant(damaged, {...MACHINE, '/var/lib/isolctl/journal.jsonl': 'garbage\n'})
    const {stderr, exit} = await isolctl('status', '--root', damaged)
    expect([exit, stderr]).toEqual([
      69,
      expect.stringContaining('journal.jsonl line 1 is not a journal entry'),
    ])
  })
})

describe('apply and undo', () => {
  test.for(['apply', 'undo'])('%s never changes a captured machine', async (command) => {
    const {stderr, exit} = await isolctl(command, '--root', root)
    expect([exit, stderr]).toEqual([2, expect.stringContaining('a captured one cannot be changed')])
  })

  it('apply refuses a file that is not a plan, before it reads the machine', async () => {
    const file = join(root, '../no-plan.json')
    await writeFile(file, '{"schema": "isolctl.plan/9"}')
    const {stderr, exit} = await isolctl('apply', file, '--dry-run')
    expect([exit, stderr]).toEqual([2, expect.stringContaining('not a plan')])
    const missing = await isolctl('apply', join(root, 'none.json'), '--dry-run')
    expect([missing.exit, missing.stderr]).toEqual([2, expect.stringContaining('ENOENT')])
  })

  it('apply refuses a plan that others can write', async () => {
    const file = join(root, '../open-plan.json')
    await isolctl('plan', '--root', root, '--json', '--out', file)
    expect((await stat(file)).mode & 0o777).toBe(0o644)
    await chmod(file, 0o666)
    const {stderr, exit} = await isolctl('apply', file, '--dry-run')
    expect([exit, stderr]).toEqual([69, expect.stringContaining('can be written by everybody')])
  })

  it('apply of a saved plan does not accept a selection', async () => {
    const {stderr, exit} = await isolctl('apply', 'plan.json', '--cpus', '2', '--dry-run')
    expect([exit, stderr]).toEqual([2, expect.stringContaining('a saved plan is applied whole')])
  })
})
