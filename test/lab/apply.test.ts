// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {beforeAll, describe, expect, it} from 'vitest'
import {labKernel} from '../../src/lab/kernel.ts'
import {runInLab} from '../../src/lab/run.ts'
import {silent} from '../../src/lib/progress.ts'
import {subjectOf} from '../../src/model/change.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {PlanSchema} from '../../src/plan/plan.ts'
import {ApplySchema, StatusSchema, TopologySchema, UndoSchema} from '../../src/schema/machine.ts'

let parts: Readonly<Record<string, {readonly output: string; readonly exit: number}>> = {}
const part = (name: string) => parts[name] ?? {output: `the guest never came to "${name}"`, exit: -1}
const json = (name: string): unknown => JSON.parse(part(name).output)

/**
 * One boot for all tests: a machine whose interrupts and workqueues may still use every CPU, with
 * CPUs 2-3 to be isolated.
 */
beforeAll(async () => {
  const kernel = process.env['ISOLCTL_LAB_KERNEL'] ?? (await labKernel({progress: silent})).bzImage
  const {stdout, stderr} = await runInLab([process.execPath, join(import.meta.dirname, 'guest/apply.ts')], {
    kernel,
    cpus: 4,
    isolated: CpuSet.empty,
  })
  if (!stdout.startsWith('{')) throw new Error(`the guest said nothing of use: ${stdout}${stderr}`)
  parts = JSON.parse(stdout)
})

describe('on a running kernel', () => {
  it('topology lists the four CPUs', () => {
    const {online, cpus} = TopologySchema.parse(json('topology'))
    expect([online, cpus.length]).toEqual(['0-3', 4])
  })

  it('plan moves interrupts, threads and unbound work away from 2-3', () => {
    const {steps, unknown} = PlanSchema.parse(json('plan'))
    expect(part('plan').exit).toBe(10)
    // QEMU is the boot loader of this machine.
    expect(unknown.map(({id}) => id)).toEqual(['boot-arguments'])
    const busy = steps.filter(({changes}) => changes.length > 0).map(({id}) => id)
    expect(busy).toEqual(
      expect.arrayContaining([
        'irq-affinity',
        'workqueue-cpumask',
        'workqueue-sysfs-cpumasks',
        'kthread-affinity',
        'rcu-kthreads',
        'memory-daemons',
        'fair-server',
        'watchdog-cpumask',
      ]),
    )
  })

  it('apply does not start without --yes', () => {
    expect(part('unconfirmed')).toMatchObject({
      exit: 2,
      output: expect.stringContaining('no terminal for a confirmation'),
    })
  })

  it('apply makes the planned changes, and the kernel has the new values', () => {
    const report = ApplySchema.parse(json('apply'))
    expect([part('apply').exit, report.outcome]).toEqual([3, 'applied'])
    const after = part('after').output
    expect(after).toMatch(/workqueue\/cpumask 3$/m)
    expect(after).toMatch(/default_smp_affinity 3$/m)
    expect(after).not.toBe(part('before').output)
    const {steps} = PlanSchema.parse(json('plan'))
    for (const change of steps.flatMap(({changes}) => changes)) {
      const done = report.changes.find(({subject}) => subject === subjectOf(change))
      expect(done?.result).toMatch(/done|refused/)
      if (change.kind === 'affinity') expect(after).toContain(`thread ${change.tid} 0-1\n`)
      else if (done?.result === 'done') expect(after).toContain(`${done.subject} ${done.to}\n`)
    }
  })

  it('plan has nothing left to do, not even for refused changes', () => {
    expect(part('replan')).toMatchObject({exit: 3, output: expect.stringContaining('no change known')})
  })

  it('status lists what is applied, and what drifted', () => {
    const report = StatusSchema.parse(json('status'))
    expect([part('status').exit, report.ok]).toEqual([0, true])
    expect(report.changes.every(({state}) => state === 'in-force')).toBe(true)
    expect(part('drifted')).toMatchObject({
      exit: 1,
      output: expect.stringContaining('somebody else wrote "2"'),
    })
  })

  it('undo keeps what another program wrote, and undoes the rest', () => {
    expect(part('undo')).toMatchObject({exit: 1, output: expect.stringContaining('undo --force')})
    const differing = part('conflict')
      .output.split('\n')
      .filter((line) => !part('before').output.includes(line))
    expect(differing).toEqual(['/proc/irq/default_smp_affinity 2'])
  })

  it('undo --force restores every value', () => {
    expect(UndoSchema.parse(json('force')).ok).toBe(true)
    expect(part('restored').output).toBe(part('before').output)
    expect(part('again')).toMatchObject({exit: 0, output: expect.stringContaining('nothing to undo')})
  })

  it('undo restores the machine after apply was killed', () => {
    const report = StatusSchema.parse(json('killed'))
    expect(report.changes.length).toBeGreaterThan(0)
    expect(part('cleanup').exit).toBe(0)
    expect(part('clean').output).toBe(part('before').output)
  })
})
