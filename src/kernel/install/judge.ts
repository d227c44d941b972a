// SPDX-License-Identifier: MIT
import {buildId} from '../../facts/build-id.ts'
import {gatherer} from '../../facts/fact.ts'
import {kernel} from '../../facts/kernel.ts'
import {kernelConfig, kernelConfigText} from '../../facts/kernel-config.ts'
import type {Host, HostView} from '../../host/host.ts'
import {Exit} from '../../lib/exit.ts'
import {type Report, ReportSchema} from '../../schema/preflight.ts'
import {lostSymbols, parseConfig} from '../build/config-file.ts'
import {readFragment, seriesFolder, sha256} from '../source/series.ts'
import {type Gate, type InstalledBuild, readRecord} from './record.ts'

/**
 * What is wrong with the kernel that runs, as one that we built; empty: nothing. `build` is the one it should be; what
 * `kernel install` wrote down when not given.
 */
export async function verifyRunning(host: HostView, build?: InstalledBuild): Promise<readonly string[]> {
  const {release} = await gatherer(host)(kernel)
  const problems: string[] = []
  const asked = build ?? (await readRecord(host, release))?.build
  if (asked !== undefined) problems.push(...(await foreign(host, asked)))
  if ((await host.read('/sys/devices/system/cpu/task_isolation')) === undefined)
    problems.push('it has no task isolation: /sys/devices/system/cpu/task_isolation is missing')
  const {symbols, path} = await gatherer(host)(kernelConfig)
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

/** How the running kernel differs from a build. */
async function foreign(host: HostView, {buildId: wanted, configSha256}: InstalledBuild): Promise<string[]> {
  const get = gatherer(host)
  const id = await get(buildId).catch((error: Error) => error)
  const config = await get(kernelConfigText).catch(() => undefined)
  return [
    ...(id instanceof Error ? [`whether it is the one that was built cannot be told: ${id.message}`] : []),
    ...(typeof id === 'string' && id !== wanted
      ? [`it is another build: its build id is ${id}, not ${wanted}`]
      : []),
    ...(config !== undefined && sha256(config.text) !== configSha256
      ? [`${config.path} is not the configuration that it was built with`]
      : []),
  ]
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
    const {stdout} = await host.run([...isolctl, 'preflight', '--json'], {
      answers: [Exit.ok, Exit.failures, Exit.unknown],
    })
    return unfit(ReportSchema.parse(JSON.parse(stdout)))
  } catch (error) {
    return `preflight: ${(error as Error).message}`
  }
}

/** What a preflight found that keeps a kernel from being promoted; undefined: nothing. Pure. */
function unfit({ok, checks}: Report): string | undefined {
  if (ok) return undefined
  const ids = (wanted: string) => checks.filter(({status}) => status === wanted).map(({id}) => id)
  const [failed, unknown] = [ids('fail'), ids('unknown')]
  const parts = [
    ...(failed.length > 0 ? [`${failed.join(', ')} failed`] : []),
    ...(unknown.length > 0 ? [`${unknown.join(', ')} unknown`] : []),
  ]
  return `preflight: ${parts.join('; ')}`
}
