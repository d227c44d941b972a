// SPDX-License-Identifier: MIT

import fc from 'fast-check'
import {describe, expect, it, test} from 'vitest'
import {isolationOf} from '../../src/boot/isolation.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {parseKernelList} from '../../src/model/kernel-list.ts'

describe('a CPU list, on 8 possible CPUs', () => {
  test.for([
    ['2-3', '2-3'],
    ['2-N', '2-7'],
    ['N', '7'],
    ['all', '0-7'],
    ['ALL', '0-7'],
    ['0-N:1/2', '0,2,4,6'],
    ['0-7:2/4', '0-1,4-5'],
    ['all:1/4', '0,4'],
    ['0-7:0/2', ''],
    [',1,, 2,', '1-2'],
    ['1 3', '1,3'],
    ['', ''],
    ['0-3:1/2,7', '0,2,7'],
    ['3-3', '3'],
  ] as const)('%s is %s', ([text, expected]) => {
    const {cpus, error} = parseKernelList(text, 8)
    expect([`${cpus}`, error]).toEqual([expected, undefined])
  })

  test.for([
    ['2-8', '', 'out of range'],
    ['0-31:2/4', '', 'out of range'],
    ['8', '', 'out of range'],
    ['1,9', '1', 'out of range'], // the CPUs before the error stay in the mask
    ['3-2', '', 'runs backwards'],
    ["'2-3'", '', 'is not a CPU list'],
    ['2-', '', 'is not a CPU list'],
    ['2-n', '', 'is not a CPU list'],
    ['3:1/2', '', 'is not a CPU list'],
    ['0-3:3/2', '', 'is not a CPU list'],
    ['0-3:1/0', '', 'is not a CPU list'],
    ['0-3:1', '', 'is not a CPU list'],
    ['1,x', '1', 'is not a CPU list'],
    ['99999999999', '', 'is not a CPU list'],
  ] as const)('%s is refused after %j', ([text, kept, why]) => {
    const {cpus, error} = parseKernelList(text, 8)
    expect(`${cpus}`).toBe(kept)
    expect(error).toContain(why)
  })

  it('parses the cpulists that CpuSet prints', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({min: 0, max: 255})), (cpus) => {
        const set = CpuSet.from(cpus)
        expect(parseKernelList(`${set}`, 256)).toEqual({cpus: set})
      }),
    )
  })
})

const LINUX_6_12 = {release: '6.12', major: 6, minor: 12}

const four = (line: string) => {
  const {refused, ...sets} = isolationOf(line, {count: 4, kernel: LINUX_6_12})
  const texts = Object.fromEntries(Object.entries(sets).map(([key, value]) => [key, value && `${value}`]))
  return {...texts, refused: refused.map(({text}) => text)}
}

describe('the arguments, on 4 CPUs', () => {
  it('of the static policy', () => {
    expect(
      four('ro isolcpus=nohz,domain,managed_irq,2-3 nohz_full=2-3 rcu_nocbs=2-3 irqaffinity=0-1'),
    ).toEqual({
      domain: '2-3',
      managedIrq: '2-3',
      nohzFull: '2-3',
      unbound: '2-3',
      rcuNocbs: '2-3',
      irqDefault: '0-1',
      refused: [],
    })
  })

  test.for([
    // Without a flag: domain; unknown flags are skipped; illegal ones end the list.
    ['isolcpus=2-3', {domain: '2-3', nohzFull: ''}],
    ['isolcpus=managedirq,2-3', {domain: '2-3', managedIrq: ''}],
    ['isolcpus=managed_irq,2-3', {domain: '', managedIrq: '2-3'}],
    ['isolcpus=domain,managed_irq:2-3', {domain: '', refused: ['isolcpus=domain,managed_irq:2-3']}],
    ['isolcpus=all', {domain: '', refused: ['isolcpus=all']}],
    ['isolcpus=nohz', {nohzFull: '', refused: ['isolcpus=nohz']}],
    ['isolcpus=domain,N', {refused: ['isolcpus=domain,N']}],
    ['isolcpus=2-N', {domain: '2-3', refused: []}],
    // Out of range: the whole argument is dropped.
    ['nohz_full=2-9', {nohzFull: '', refused: ['nohz_full=2-9']}],
    ["isolcpus='2-3'", {domain: '', refused: ["isolcpus='2-3'"]}],
    ['isolcpus="2-3"', {domain: '2-3', refused: []}],
    // The first wins, unless both agree.
    ['isolcpus=domain,2 isolcpus=domain,3', {domain: '2', refused: ['isolcpus=domain,3']}],
    ['isolcpus=domain,2 isolcpus=domain,2', {domain: '2', refused: []}],
    ['isolcpus=nohz,2 nohz_full=3', {nohzFull: '2', unbound: '', refused: ['nohz_full=3']}],
    [
      'nohz_full=2-3 isolcpus=nohz,domain,3',
      {domain: '', nohzFull: '2-3', refused: ['isolcpus=nohz,domain,3']},
    ],
    // The last wins.
    ['rcu_nocbs=2 rcu_nocbs=3', {rcuNocbs: '3'}],
    ['rcu_nocbs=2-9', {rcuNocbs: '0-3', refused: ['rcu_nocbs=2-9']}],
    ['nohz_full=2 rcu_nocbs=3', {rcuNocbs: '2-3'}],
    // The boot CPU is always in it, and the CPUs before an error stay.
    ['irqaffinity=2-3', {irqDefault: '0,2-3', refused: []}],
    ['irqaffinity=1,9', {irqDefault: '0-1', refused: ['irqaffinity=1,9']}],
    // The boot CPU does the timekeeping, and stays when no other CPU would be left.
    ['nohz_full=0-1', {nohzFull: '1', unbound: '0-1'}],
    ['nohz_full=all', {nohzFull: '1-3', unbound: '1-3'}],
    ['nohz-full=3', {nohzFull: '3'}],
    ['quiet -- nohz_full=3', {nohzFull: '', refused: []}],
  ] as const)('%s', ([line, expected]) => {
    expect(four(line)).toMatchObject(expected)
  })

  it('include the boot CPU when the kernel cannot suspend', () => {
    expect(
      `${isolationOf('nohz_full=0-3:1/2', {count: 4, suspends: false, kernel: LINUX_6_12}).nohzFull}`,
    ).toBe('0,2')
  })

  it('falls back to the boot CPU when only absent CPUs would be left', () => {
    const {nohzFull, unbound} = isolationOf('nohz_full=0-3', {
      count: 8,
      present: CpuSet.parse('0-3'),
      kernel: LINUX_6_12,
    })
    expect([`${nohzFull}`, `${unbound}`]).toEqual(['1-3', '1-3'])
  })
})
