// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import {defineFact} from './fact.ts'

/** Where a captured machine keeps its kernel log. */
const CAPTURED = '/var/log/dmesg'

/**
 * What the kernel said since boot, without time stamps. Throws when the start of the log is gone: the messages about
 * boot arguments are among the first.
 */
export const kernelLog = defineFact<string>('kernel-log', async (host) => {
  const text = host.live ? await host.live.kernelLog() : await host.read(CAPTURED)
  if (text === undefined) throw new Error(`${CAPTURED} does not exist`)
  const plain = text.replaceAll(/^(<\d+>)?\[\s*\d+\.\d+\]\s/gm, '')
  if (!/^(Linux version |Command line: |Kernel command line: )/m.test(plain))
    throw new Error('the start of the kernel log has been overwritten')
  return plain
})

/**
 * CPUs whose RCU callbacks are offloaded, as the kernel said at boot (kernel/rcu/tree_nocb.h: rcu_init_nohz); undefined
 * when it said nothing, because nobody asked for it.
 */
export const offloadedAtBoot = defineFact<CpuSet | undefined>('offloaded-at-boot', async (_host, get) => {
  const list = /Offload RCU callbacks from CPUs: (.*?)\.?$/m.exec(await get(kernelLog))?.[1]
  return list === undefined ? undefined : CpuSet.parse(list.replace('(none)', ''))
})
