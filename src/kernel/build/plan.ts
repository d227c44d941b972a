// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import type * as z from 'zod'
import {cacheFolder} from '../../lib/cache.ts'
import type {Program} from '../../lib/programs.ts'
import type {BuildFacts, BuildManifest} from '../../schema/kernel-build.ts'
import type {Origin} from '../source/find-source.ts'
import type {Series} from '../source/series.ts'
import type {KernelConfig} from './config-file.ts'
import {requireSpace} from './disk-space.ts'
import {type Ingredients, keyOf} from './key.ts'
import {type Built, readBuilt} from './manifest.ts'
import {compilerVersion, requireBuildTools} from './toolchain.ts'

/** What is made of the compiled objects. See lab-product.ts and package-product.ts. */
export interface Product<M extends BuildManifest> {
  readonly schema: z.ZodType<M>
  readonly format: Ingredients['format']
  /** The target of make. */
  readonly target: string
  /** The title of the step that compiles. */
  readonly step: string
  /** What make needs on top of buildEnvironment(). */
  readonly environment: Readonly<Record<string, string>>
  /** The number of objects, for the progress of the first build; counted before it if absent. */
  readonly objects?: number
  /** The files that make left, other than the configuration. */
  collect(
    objects: string,
    release: string,
  ): Promise<readonly {readonly role: BuildFacts['files'][number]['role']; readonly path: string}[]>
  manifest(facts: BuildFacts): M
}

/** How the .config of a build is made. */
export interface ConfigPlan {
  /** Where the base configuration comes from, for messages and the manifest. */
  readonly from: string
  /** The base configuration; that of "make tinyconfig" if absent. */
  readonly text?: string
  /** The changes to the base configuration. */
  readonly set: KernelConfig
  /** What must hold after olddefconfig. */
  readonly required: KernelConfig
  /** The modules to keep, as lsmod(8) prints them, for localmodconfig. */
  readonly modules?: string | undefined
  /** Whether modules are signed with the key of signing-key.ts. */
  readonly ownKey: boolean
}

/** What is built, from what, and whether the cache has it. */
export interface BuildPlan<M extends BuildManifest = BuildManifest> {
  readonly product: Product<M>
  readonly key: string
  /** The name of the build's folder and log in the cache. */
  readonly name: string
  readonly origin: Origin
  readonly series: Series
  readonly config: ConfigPlan
  readonly compiler: string
  readonly cache: string
  /** The build, if the cache has it. */
  readonly built: Built<M> | undefined
}

export interface PlanInput<M extends BuildManifest> {
  readonly product: Product<M>
  readonly origin: Origin
  readonly series: Series
  /** What the key is made of, with `source`, `series`, `format` and `compiler`. */
  readonly ingredients: Pick<Ingredients, 'config' | 'modules'>
  /** The parts of the plan that depend on the key. */
  readonly named: (key: string) => {readonly name: string; readonly config: ConfigPlan}
  /** What the product needs on top of the programs that every build needs. */
  readonly programs: readonly Program[]
  /** What a build takes besides its tree, in bytes. */
  readonly bytes: number
  readonly cache: string
}

/**
 * A plan, with every check that is possible before the first object is compiled. Throws UserError
 * (exit 69) for missing software and for a full disk, unless the cache has the build.
 */
export async function planBuild<M extends BuildManifest>(input: PlanInput<M>): Promise<BuildPlan<M>> {
  const {product, origin, series, programs, cache} = input
  const compiler = await compilerVersion()
  if (compiler === undefined) await requireBuildTools(programs) // names gcc, and what else is missing
  const ingredients: Ingredients = {
    source: origin.source.sha256,
    series: series.sha256,
    ...input.ingredients,
    format: product.format,
    compiler: compiler ?? '',
  }
  const key = keyOf(ingredients)
  const {name, config} = input.named(key)
  const plan = {product, key, name, origin, series, config, compiler: ingredients.compiler, cache}
  const built = await readBuilt(await placeOf(plan), product.schema, key)
  if (built === undefined) {
    await requireBuildTools(programs)
    await requireSpace(input.bytes, cache)
  }
  return {...plan, built}
}

/** The folder of the build. */
export const placeOf = async ({cache, name}: Pick<BuildPlan, 'cache' | 'name'>): Promise<string> =>
  join(await cacheFolder('builds', cache), name)

/** The complete output of make. */
export const logOf = async ({cache, name}: Pick<BuildPlan, 'cache' | 'name'>): Promise<string> =>
  join(await cacheFolder('logs', cache), `${name}.log`)

/** What a kernel is made of, for the manifest and the plan. Pure. */
export const provenanceOf = ({origin, series}: Pick<BuildPlan, 'origin' | 'series'>) => ({
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
