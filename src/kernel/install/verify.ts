// SPDX-License-Identifier: MIT
import {buildId} from '../../facts/build-id.ts'
import {gatherer} from '../../facts/fact.ts'
import {kernel} from '../../facts/kernel.ts'
import {kernelConfig, kernelConfigText} from '../../facts/kernel-config.ts'
import type {HostView} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {parseConfig} from '../build/config-file.ts'
import {lostSymbols} from '../build/lost-symbols.ts'
import {sha256} from '../sha256.ts'
import {allSeries, chooseSeries, readFragment, type Series} from '../source/series.ts'
import {type InstalledBuild, readRecord} from './record.ts'

export interface VerifyOptions {
  /** The build that the kernel should be; that of the record of `kernel install` if absent. */
  readonly build?: InstalledBuild | undefined
  /** A folder like kernel-patches/; that of this installation if absent. */
  readonly patches?: string | undefined
}

/**
 * The problems of the running kernel as a kernel of isolctl; empty if there are none. Its
 * configuration is compared with what the series of its build needs; without a build, with what the
 * series for its version needs. What cannot be known is a problem too.
 */
export async function verifyRunning(
  host: HostView,
  {build, patches}: VerifyOptions = {},
): Promise<readonly string[]> {
  const {release} = await gatherer(host)(kernel)
  const problems: string[] = []
  const expected = build ?? (await readRecord(host, release))?.build
  if (expected !== undefined) problems.push(...(await differences(host, expected)))
  if ((await host.read('/sys/devices/system/cpu/task_isolation')) === undefined)
    problems.push('it has no task isolation: /sys/devices/system/cpu/task_isolation is missing')
  const series = seriesOf(release, expected, await allSeries(patches))
  return [...problems, ...(typeof series === 'string' ? [series] : await configProblems(host, series))]
}

/** The series that the running kernel should have, or why that is unknown. Pure. */
function seriesOf(
  release: string,
  build: InstalledBuild | undefined,
  all: readonly Series[],
): Series | string {
  const unknown = 'whether its configuration has what isolctl needs is unknown'
  if (build !== undefined) {
    const {base} = build.series
    return (
      all.find((series) => series.base.version === base) ??
      `${unknown}: it was built with the series for ${base}, which this isolctl does not have`
    )
  }
  const version = /^\d+(?:\.\d+)+/.exec(release)?.[0] ?? release
  try {
    return chooseSeries(version, all, 'the running kernel')
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return `${unknown}: ${error.message}`
  }
}

/** The symbols that the series needs and the running kernel does not have. */
async function configProblems(host: HostView, series: Series): Promise<readonly string[]> {
  const {symbols, path} = await gatherer(host)(kernelConfig)
  const fragment = parseConfig(await readFragment(series.folder, 'isolation'))
  // Each build sets its own name.
  const wanted = new Map([...fragment].filter(([symbol]) => symbol !== 'LOCALVERSION'))
  const lost = lostSymbols(wanted, symbols)
  if (lost.length === 0) return []
  const list = lost.map(({symbol, wanted, got}) => `CONFIG_${symbol}=${got} (${wanted})`).join(', ')
  return [`${path} differs from what the series for ${series.base.version} needs: ${list}`]
}

/** How the running kernel differs from a build. */
async function differences(host: HostView, build: InstalledBuild): Promise<readonly string[]> {
  const get = gatherer(host)
  const id = await get(buildId).catch((error: Error) => error)
  const config = await get(kernelConfigText).catch(() => undefined)
  return [
    ...(id instanceof Error ? [`whether it is the kernel that was built is unknown: ${id.message}`] : []),
    ...(typeof id === 'string' && id !== build.buildId
      ? [`it is another build: its build id is ${id}, not ${build.buildId}`]
      : []),
    ...(config !== undefined && sha256(config.text) !== build.configSha256
      ? [`${config.path} is not the configuration of the build`]
      : []),
  ]
}
