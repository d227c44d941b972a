// SPDX-License-Identifier: MIT
import {beforeAll, describe, expect, test} from 'vitest'
import {isolationOf} from '../../src/boot/isolation.ts'
import {parseKernel} from '../../src/facts/kernel.ts'
import {runInLab} from '../../src/lab/run.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {testKernel} from './kernel.ts'

let kernel: string
beforeAll(async () => {
  kernel = await testKernel()
})

const COUNT = 4
const LOOK = [
  'cat /proc/cmdline',
  'echo "release $(uname -r)"',
  'cd /sys/devices/system/cpu',
  'echo "suspends $(zcat /proc/config.gz | grep -c CONFIG_PM_SLEEP_SMP=y)"',
  'echo "isolated $(cat isolated)"',
  'echo "nohz_full $(cat nohz_full | grep -v null)"',
  'echo "irq $(cat /proc/irq/default_smp_affinity)"',
  'echo "workqueue $(cat /sys/devices/virtual/workqueue/cpumask)"',
  `echo "rcu $(dmesg | sed -n 's/.*Offload RCU callbacks from CPUs: //p')"`,
  `echo "refused $(dmesg | sed -n 's/.*Unknown kernel command line parameters "\\(.*\\)", will.*/\\1/p')"`,
].join('\n')

/** The effect of the arguments, as the kernel reports it. */
async function booted(bootArguments: readonly string[]) {
  const {stdout, stderr} = await runInLab(['/bin/sh', '-c', LOOK], {
    kernel,
    cpus: COUNT,
    isolated: CpuSet.empty,
    bootArguments,
    timeoutMs: 120_000,
  })
  const [cmdline = '', ...lines] = stdout.trimEnd().split('\n')
  const value = (name: string) => {
    const line = lines.find((each) => each.startsWith(`${name} `) || each === name)
    if (line === undefined) throw new Error(`the guest did not tell ${name}: ${stdout}${stderr}`)
    return line.slice(name.length + 1)
  }
  return {
    cmdline,
    release: value('release'),
    suspends: value('suspends') === '1',
    isolated: value('isolated'),
    nohzFull: value('nohz_full'),
    irq: `${CpuSet.fromMask(value('irq'))}`,
    workqueue: `${CpuSet.fromMask(value('workqueue'))}`,
    rcu: value('rcu').replace('(none)', '').replace(/\.$/, ''),
    refused: value('refused').split(/\s+/).filter(Boolean),
  }
}

/** One line for each kind of argument that the kernel reads differently than it looks. */
const LINES: readonly (readonly string[])[] = [
  ['isolcpus=nohz,domain,managed_irq,2-N', 'nohz_full=2-N', 'rcu_nocbs=2-N', 'irqaffinity=0-1'],
  ['isolcpus=0-31:2/4', 'nohz_full=0-3:1/2', 'rcu_nocbs=0-31:2/4', 'irqaffinity=1,9'],
  ['isolcpus="2-3"', "nohz_full='2-3'", 'rcu-nocbs=3', 'irqaffinity=2-3'],
  ['isolcpus=domain,2', 'isolcpus=domain,3', 'nohz-full=2', 'nohz_full=3', 'rcu_nocbs=1', 'rcu_nocbs=3'],
  ['isolcpus=managedirq,1,3', 'nohz_full=all', 'irqaffinity=0', 'irqaffinity=0-1'],
  ['nohz_full=1-2', 'isolcpus=nohz,domain,3', 'isolcpus=domain,managed_irq:2-3'],
]

describe('boot arguments in the kernel and in isolctl', () => {
  test.for(LINES)('%s', async (...[words]) => {
    const kernel = await booted(words)
    // The line also has the arguments of the lab.
    for (const word of words) expect(kernel.cmdline).toContain(word)
    const ours = isolationOf(kernel.cmdline, {
      count: COUNT,
      suspends: kernel.suspends,
      kernel: parseKernel(kernel.release),
    })
    const all = CpuSet.parse(`0-${COUNT - 1}`)
    expect({
      isolated: `${ours.domain}`,
      nohzFull: `${ours.nohzFull}`,
      irq: `${ours.irqDefault ?? all}`,
      workqueue: `${all.minus(ours.unbound).minus(ours.domain)}`,
      rcu: `${ours.rcuNocbs}`,
    }).toEqual({
      isolated: kernel.isolated,
      nohzFull: kernel.nohzFull,
      irq: kernel.irq,
      workqueue: kernel.workqueue,
      rcu: kernel.rcu,
    })
    // The kernel passes a dropped argument to init as unknown, and only the last one of a name
    // (init/main.c: unknown_bootoption).
    const ofIsolation = kernel.refused.filter((text) =>
      /^(isolcpus|nohz.full|rcu.nocbs|irqaffinity)=/.test(text),
    )
    expect(ours.refused.map(({text}) => text)).toEqual(expect.arrayContaining(ofIsolation))
    const dropped = ours.refused.filter(
      ({text, reason}) => /^(isolcpus|nohz.full)=/.test(text) && !/skipped/.test(reason),
    )
    expect(ofIsolation.length > 0).toBe(dropped.length > 0)
  })
})
