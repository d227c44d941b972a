// SPDX-License-Identifier: MIT
import {describe, expect, it} from 'vitest'
import {memoryHost} from '../../src/host/memory.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {makePlan} from '../../src/plan/plan.ts'
import {chooseSteps} from '../../src/plan/registry.ts'
import {renderPlan} from '../../src/report/plan.ts'
import {taskFiles} from '../support/machine.ts'
import {untunedFiles} from '../support/untuned.ts'

const planned = (files: Record<string, string>, only?: string[]) =>
  makePlan(memoryHost(files), {
    settings: {
      isolated: CpuSet.parse('2-3'),
      housekeeping: CpuSet.parse('0-1'),
      policy: {kind: 'other'},
      windowMs: 1000,
    },
    ...chooseSteps({only}),
  })

const names = async (files: Record<string, string>, only?: string[]) =>
  ((await planned(files, only)).conflicts ?? []).map(({name}) => name)

describe('programs that set what isolctl sets', () => {
  it('include irqbalance, unless it is banned from the isolated CPUs', async () => {
    expect(await names(untunedFiles())).toEqual([])
    expect(await names(untunedFiles(), ['irq-affinity'])).toEqual(['irqbalance'])
    expect(await names(untunedFiles(), ['memory-daemons'])).toEqual([])
    const banned = {...untunedFiles(), '/etc/default/irqbalance': 'IRQBALANCE_BANNED_CPUS=0000000c\n'}
    expect(await names(banned, ['irq-affinity'])).toEqual([])
  })

  it('include tuned and rt-conf, with a help text', async () => {
    const files = {
      ...untunedFiles(),
      ...taskFiles({tid: 700, comm: 'tuned', allowed: '0-3'}),
      '/etc/tuned/active_profile': 'cpu-partitioning\n',
      '/var/snap/rt-conf/common/config.yaml': 'irq_tuning: {}\n',
    }
    expect(await names(files)).toEqual(['tuned', 'rt-conf'])
    const text = renderPlan(await planned(files), {width: 80, verbose: false, applyCommand: 'isolctl apply'})
    expect(text).toContain('! tuned runs, with the profile cpu-partitioning')
    expect(text).toContain('tuned-adm off')
  })

  it('do not include those that are installed and do not run', async () => {
    expect(await names({...untunedFiles(), '/etc/tuned/active_profile': 'balanced\n'})).toEqual([])
  })
})
