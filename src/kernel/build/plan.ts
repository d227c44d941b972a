// SPDX-License-Identifier: MIT
import {existsSync} from 'node:fs'
import {isAbsolute, join} from 'node:path'
import type {HostView} from '../../host/host.ts'
import {cacheFolder, cacheRoot} from '../../lib/cache.ts'
import {treeKey, treePath} from '../source/patched-tree.ts'
import {allSeries, chooseSeries, readFragment, type Series, sha256} from '../source/series.ts'
import {findOrigin, type Origin, type OriginOptions} from '../source/source.ts'
import {type BaseConfig, baseConfig, loadedModules} from './base-config.ts'
import {type KernelConfig, mergeConfigs, parseConfig} from './config-file.ts'
import {requireSpace} from './disk-space.ts'
import {type Adapted, adapt} from './distribution-config.ts'
import {type Built, readBuilt} from './manifest.ts'
import {refuseSecureBoot} from './secure-boot.ts'
import {type Format, packagingPrograms, readToolchain, toolchainNotes} from './toolchain.ts'
import {compilerVersion, requireBuildTools} from './tools.ts'

/** Raise it when the way of building changes what is built. */
const RECIPE = 2

export interface PackageOptions {
  /** The machine the kernel is for: its configuration, its modules, its firmware. */
  readonly host: HostView
  readonly origin: Omit<OriginOptions, 'bases' | 'cache' | 'signal'>
  /** The configuration to start from; that of the running kernel when not given. */
  readonly kconfig?: string | undefined
  /** Only the modules that are loaded now. */
  readonly localmodconfig: boolean
  readonly debugInfo: boolean
  readonly format: Format
  /** The user takes care of Secure Boot. */
  readonly forSecureBoot: boolean
  /** A folder like kernel-patches/; that of this installation when not given. */
  readonly patches?: string | undefined
  readonly cache?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface BuildPlan {
  readonly key: string
  /** What `uname -r` will say, but for what the source itself adds (localversion files). */
  readonly release: string
  readonly localversion: string
  readonly origin: Origin
  readonly series: Series
  readonly base: BaseConfig
  readonly adapted: Adapted
  /** What lsmod(8) would say, for localmodconfig. */
  readonly modules: string | undefined
  readonly format: Format
  readonly compiler: string
  readonly notes: readonly string[]
  readonly cache: string
  /** It was built before. */
  readonly built: Built | undefined
}

/** What a kernel is made of, as the manifest and the plan say it. Pure. */
export const ingredientsOf = ({origin, series}: Pick<BuildPlan, 'origin' | 'series'>) => ({
  base: series.base.version,
  version: origin.source.version,
  source: {
    kind: origin.kind,
    name: origin.source.archive,
    sha256: origin.source.sha256,
    verified: origin.verified,
  },
  series: {sha256: series.sha256, patches: series.patches.length},
})

/** Everything that can go wrong before an hour of compiling goes wrong here. Throws UserError; nothing is built yet. */
export async function planBuild(options: PackageOptions): Promise<BuildPlan> {
  const {host, signal, format, debugInfo} = options
  const cache = options.cache ?? cacheRoot()
  const builds = await cacheFolder('builds', cache)
  if (!options.forSecureBoot) await refuseSecureBoot(host)
  const all = await allSeries(options.patches)
  const base = await baseConfig(host, options.kconfig)
  const config = parseConfig(base.text)
  await requireBuildTools(packagingPrograms(format, packed(config, debugInfo)))
  const compiler = (await compilerVersion()) ?? ''
  const origin = await findOrigin({...options.origin, bases: all.map((each) => each.base), cache, signal})
  const series = chooseSeries(origin.source.version, all, origin.source.archive)
  const fragment = parseConfig(await readFragment(series.folder, 'isolation'))
  const adapted = adapt(config, {fragment, debugInfo, exists: (path) => isAbsolute(path) && existsSync(path)})
  const modules = options.localmodconfig ? await loadedModules(host) : undefined
  const ingredients = {
    recipe: RECIPE,
    source: origin.source.sha256,
    series: series.sha256,
    config: [...mergeConfigs([config, adapted.set])],
    modules: modules ?? '',
    format,
    compiler,
  }
  const key = sha256(JSON.stringify(ingredients)).slice(0, 32)
  const localversion = `-isolctl.${key.slice(0, 8)}`
  const release = `${origin.source.version}${localversion}`
  const built = await readBuilt(join(builds, release), key)
  if (built === undefined) {
    const tree = await treePath(treeKey({source: origin.source, series}), cache)
    await requireSpace(tree, cache, bytesFor(config, {debugInfo, trimmed: options.localmodconfig}))
  }
  const {version} = origin.source
  const tested = series.base.testedWith
  return {
    ...{key, release, localversion, origin, series, base, adapted, modules, format, compiler, cache, built},
    notes: [
      ...(version === tested ? [] : [`the patches were tested with Linux ${tested}, and this is ${version}`]),
      ...toolchainNotes(config, await readToolchain(compiler)),
      ...adapted.notes,
    ],
  }
}

/** Without debug information there is none to convert. */
const packed = (config: KernelConfig, debugInfo: boolean) =>
  debugInfo ? config : mergeConfigs([config, new Map([['DEBUG_INFO_BTF', 'n']])])

/**
 * What a build takes besides its tree: a fixed part, and one for each module. Measured with Linux 6.12: 0.3 GB for 1,700
 * objects without modules; Debian's 4,200 modules make 15,000.
 */
export function bytesFor(
  config: KernelConfig,
  {debugInfo, trimmed}: {debugInfo: boolean; trimmed: boolean},
): number {
  const modules = [...config.values()].filter((value) => value === 'm').length
  const plain = 1e9 + (trimmed ? Math.min(modules, 300) : modules) * 2e6
  return debugInfo && config.get('DEBUG_INFO') === 'y' ? plain * 4 : plain
}
