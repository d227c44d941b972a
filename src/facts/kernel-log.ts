// SPDX-License-Identifier: MIT
import {CpuSet} from '../model/cpuset.ts'
import {defineFact} from './fact.ts'

/** The path of the kernel log in a capture. */
const CAPTURED = '/var/log/dmesg'

/**
 * The kernel log since boot, without time stamps. Throws Error when the start of the log was
 * overwritten, because the messages about boot arguments are among the first.
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
 * CPUs whose RCU callbacks are offloaded, from the message at boot (kernel/rcu/tree_nocb.h:
 * rcu_init_nohz); undefined when there is no message, because offloading was not requested.
 */
export const offloadedAtBoot = defineFact<CpuSet | undefined>('offloaded-at-boot', async (_host, get) => {
  const list = /Offload RCU callbacks from CPUs: (.*?)\.?$/m.exec(await get(kernelLog))?.[1]
  return list === undefined ? undefined : CpuSet.parse(list.replace('(none)', ''))
})
