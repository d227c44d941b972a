// SPDX-License-Identifier: MIT
import {gatherer} from '../../facts/fact.ts'
import {kconfig} from '../../facts/kconfig.ts'
import type {Host, HostView} from '../../host/host.ts'
import {lostSymbols, parseConfig} from '../config.ts'
import {readFragment, seriesFolder} from '../series.ts'
import type {Gate} from './record.ts'

/** What is wrong with the kernel that runs, as one that we built; empty: nothing. */
export async function verifyRunning(host: HostView): Promise<readonly string[]> {
  const problems: string[] = []
  if ((await host.read('/sys/devices/system/cpu/task_isolation')) === undefined)
    problems.push('it has no task isolation: /sys/devices/system/cpu/task_isolation is missing')
  const {symbols, path} = await gatherer(host)(kconfig)
  const fragment = parseConfig(await readFragment(seriesFolder(), 'isolation'))
  // The name is the build's own matter.
  const wanted = new Map([...fragment].filter(([symbol]) => symbol !== 'LOCALVERSION'))
  const lost = lostSymbols(wanted, symbols)
  if (lost.length > 0)
    problems.push(
      `${path} differs from what was asked for: ${lost.map(({symbol, wanted, got}) => `CONFIG_${symbol}=${got} (${wanted})`).join(', ')}`,
    )
  return problems
}

/** Why a trial is not good enough; undefined when it is. `isolctl` is how to start us. */
export async function judge(
  host: Host,
  gate: Gate,
  isolctl: readonly [string, ...string[]],
): Promise<string | undefined> {
  if (gate === 'boot') return undefined
  const problems = await verifyRunning(host)
  if (problems.length > 0) return problems.join('; ')
  if (gate === 'verify') return undefined
  try {
    await host.run([...isolctl, 'preflight', '--quiet'])
    return undefined
  } catch (error) {
    return `preflight: ${(error as Error).message}`
  }
}
