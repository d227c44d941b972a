// SPDX-License-Identifier: MIT
import {existsSync} from 'node:fs'
import {isAbsolute} from 'node:path'
import type {HostView} from '../../host/host.ts'
import {cacheFolder, cacheRoot} from '../../lib/cache.ts'
import {type PackageManifest, PackageManifestSchema} from '../../schema/kernel-build.ts'
import {findSource, type SourceRequest} from '../source/find-source.ts'
import {allSeries, readFragment} from '../source/series.ts'
import {baseConfig, loadedModules} from './base-config.ts'
import {type KernelConfig, mergeConfigs, parseConfig} from './config-file.ts'
import {bytesFor} from './disk-space.ts'
import {adaptConfig} from './distribution-config.ts'
import {collectPackages, type PackageFormat} from './package-files.ts'
import {type BuildPlan, type Product, planBuild} from './plan.ts'
import {refuseSecureBoot} from './secure-boot.ts'
import {packagingPrograms, readToolchain, toolchainNotes} from './toolchain.ts'

/** The packages of the kernel's own packaging (scripts/package). */
const packageProduct = (format: PackageFormat, version: string): Product<PackageManifest> => ({
  schema: PackageManifestSchema,
  format,
  target: format === 'deb' ? 'bindeb-pkg' : 'binrpm-pkg',
  step: 'compile and package the kernel',
  environment: {
    // The revision is KBUILD_BUILD_VERSION for the kernel's own packaging.
    KDEB_PKGVERSION: `${version}-1`,
    KDEB_CHANGELOG_DIST: 'unstable',
    // Most of these builds are the first one of their user. Without depend mode, ccache runs the
    // preprocessor once more for each object: 40 % on top of the compiler's time.
    CCACHE_DEPEND: '1',
    INSTALL_MOD_STRIP: '1', // as builddeb does; kernel.spec does not
  },
  collect: (objects, release) => collectPackages(objects, release, format),
  manifest: ({files, ...facts}) => ({schema: 'isolctl.kernel-build/1', ...facts, format, files}),
})

export interface PackageRequest {
  /** The machine that the kernel is for: its configuration, its modules, its firmware. */
  readonly host: HostView
  readonly source: SourceRequest
  /** The file with the base configuration; that of the running kernel if absent. */
  readonly kconfig?: string | undefined
  /** Build only the modules that are loaded now. */
  readonly localmodconfig: boolean
  readonly debugInfo: boolean
  readonly format: PackageFormat
  /** Build although Secure Boot is on: the user signs the kernel. */
  readonly forSecureBoot: boolean
  /** A folder like kernel-patches/; that of this installation if absent. */
  readonly patches?: string | undefined
  readonly cache?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface PackagePlan extends BuildPlan<PackageManifest> {
  /** What `uname -r` prints, without what localversion files of the source add. */
  readonly release: string
  readonly format: PackageFormat
  /** What the user should know before the build. */
  readonly notes: readonly string[]
}

/**
 * Plan a package from a distribution's configuration. Throws Interrupted, and UserError for a problem
 * that would make the build fail later and can be found before it starts.
 */
export async function planPackage(request: PackageRequest): Promise<PackagePlan> {
  const {host, signal, format, debugInfo, localmodconfig, cache = cacheRoot()} = request
  await cacheFolder('builds', cache) // first: a cache that cannot be written needs no source
  if (!request.forSecureBoot) await refuseSecureBoot(host)
  const base = await baseConfig(host, request.kconfig)
  const config = parseConfig(base.text)
  const all = await allSeries(request.patches)
  const {origin, series} = await findSource(request.source, all, {cache, signal})
  const {version} = origin.source
  const adapted = adaptConfig(config, {
    fragment: parseConfig(await readFragment(series.folder, 'isolation')),
    debugInfo,
    exists: (path) => isAbsolute(path) && existsSync(path),
  })
  const modules = localmodconfig ? await loadedModules(host) : undefined
  const localversionOf = (key: string) => `-isolctl.${key.slice(0, 8)}`
  const plan = await planBuild({
    product: packageProduct(format, version),
    origin,
    series,
    ingredients: {config: mergeConfigs([config, adapted.set]), modules: modules ?? ''},
    named(key) {
      const named = new Map([['LOCALVERSION', `"${localversionOf(key)}"`]])
      return {
        name: `${version}${localversionOf(key)}`,
        config: {
          from: base.from,
          text: base.text,
          set: mergeConfigs([adapted.set, named]),
          required: mergeConfigs([adapted.required, named]),
          modules,
          ownKey: adapted.ownKey,
        },
      }
    },
    programs: packagingPrograms(format, packagedConfig(config, debugInfo)),
    bytes: bytesFor(config, {debugInfo, trimmed: localmodconfig}),
    cache,
  })
  const tested = series.base.testedWith
  return {
    ...plan,
    release: plan.name,
    format,
    notes: [
      ...(version === tested ? [] : [`the patches were tested with Linux ${tested}, and this is ${version}`]),
      ...toolchainNotes(config, await readToolchain(plan.compiler)),
      ...adapted.notes,
    ],
  }
}

/**
 * The configuration, for the programs that packaging needs: without debug information there is no
 * BTF.
 */
const packagedConfig = (config: KernelConfig, debugInfo: boolean) =>
  debugInfo ? config : mergeConfigs([config, new Map([['DEBUG_INFO_BTF', 'n']])])
