// SPDX-License-Identifier: MIT
import {copyFile, mkdir, readFile, rename, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import * as z from 'zod'
import {cacheFolder, cacheRoot} from '../../lib/cache.ts'
import {parseJson, publishFile, readIfPresent} from '../../lib/files.ts'
import {withLock} from '../../lib/lock.ts'
import type {Progress} from '../../lib/progress.ts'
import {findSource, type Source} from '../source/archive.ts'
import {patchedTree, treeKey, treePath} from '../source/patched-tree.ts'
import {readFragment, readSeries, type Series, seriesFolder, sha256} from '../source/series.ts'
import type {SignedSums} from '../source/signature.ts'
import {type KernelConfig, mergeConfigs, overrideConfig, parseConfig} from './config-file.ts'
import {countObjects, dropOtherTrees, requireSpace} from './disk-space.ts'
import {requireSymbols} from './kconfig-language.ts'
import {buildEnvironment, compilerVariables, type MakeOptions, make, objectOf} from './make.ts'
import {compilerVersion, requireBuildTools} from './tools.ts'

/** Raise it when the way of building changes what is built. */
const RECIPE = 1

/**
 * `fragments` of kernel-patches/<base>/config, over tinyconfig; the later one wins. `objects`: how many there were in
 * Linux 6.12.117, for the progress of the first build; every whole build leaves a better number for the next.
 */
const FLAVOURS = {
  lab: {fragments: ['lab', 'isolation'], objects: 1590},
  debug: {fragments: ['lab', 'isolation', 'debug'], objects: 1700},
  off: {fragments: ['lab', 'isolation', 'off'], objects: 1590},
} as const
export type Flavour = keyof typeof FLAVOURS

/** Measured with Linux 6.12: of a kernel as small as the lab's. */
const OBJECTS_BYTES = 1e9

export interface BuildOptions {
  readonly flavour: Flavour
  readonly progress: Progress
  /** The patches; those of this installation when not given. */
  readonly folder?: string
  /** Another source archive than Debian's; `$ISOLCTL_KERNEL_SOURCE` when not given. */
  readonly archive?: string | undefined
  /** Who signed for that archive. */
  readonly signed?: SignedSums | undefined
  /** The cache root; see cacheRoot(). */
  readonly cache?: string
  readonly jobs?: number
  readonly signal?: AbortSignal
}

const manifest = z.object({
  schema: z.literal('isolctl.kernel/1'),
  /** sha256 over everything that decides what the image is. */
  key: z.string(),
  flavour: z.string(),
  base: z.string(),
  /** Of the source, e.g. "6.12.117". */
  version: z.string(),
  /** What `uname -r` says. */
  release: z.string(),
  compiler: z.string(),
  sourceSha256: z.string(),
  seriesSha256: z.string(),
  configSha256: z.string(),
  bzImageSha256: z.string(),
  /** How many objects were compiled: what the next build's progress is measured against. */
  objects: z.number(),
})
export type KernelManifest = z.infer<typeof manifest>

export interface BuiltKernel extends KernelManifest {
  readonly bzImage: string
}

/** What goes into a kernel, and the name that all of it together has. */
interface Recipe {
  readonly key: string
  readonly flavour: Flavour
  readonly series: Series
  readonly source: Source
  readonly wanted: KernelConfig
  readonly compiler: string
}

/**
 * The kernel of a flavour, from the cache or built now. The same source, patches, configuration and compiler are the same
 * kernel and are never built twice; a build that was stopped goes on where it was. Builds of one cache take turns: each
 * uses all of the machine anyway.
 *
 * Throws UserError, exit 69, for missing software or space, a patch that does not apply, a configuration that lost
 * symbols and a compiler error; Interrupted on abort. What has its final name is whole, whenever we were stopped.
 */
export async function buildKernel(options: BuildOptions): Promise<BuiltKernel> {
  const root = options.cache ?? cacheRoot()
  const recipe = await readRecipe(options, root)
  const cached = await findBuilt(recipe.key, root)
  if (cached !== undefined) return cached
  await requireBuildTools()
  const lock = join(await cacheFolder('locks', root), 'kernel')
  const {promise: waited, resolve: stopWaiting} = Promise.withResolvers<void>()
  return await withLock(
    lock,
    {
      ...(options.signal === undefined ? {} : {signal: options.signal}),
      onWait: () => void options.progress.step('wait for another kernel build', async () => waited),
    },
    async () => {
      stopWaiting()
      return (await findBuilt(recipe.key, root)) ?? (await build(recipe, options, root))
    },
  ).finally(stopWaiting)
}

async function readRecipe(options: BuildOptions, root: string): Promise<Recipe> {
  const series = await readSeries(options.folder ?? seriesFolder())
  const fragments = await Promise.all(
    FLAVOURS[options.flavour].fragments.map((name) => readFragment(series.folder, name)),
  )
  const compiler = await compilerVersion()
  if (compiler === undefined) await requireBuildTools() // names gcc and whatever else is missing
  const source = await findSource({
    base: series.base,
    archive: options.archive ?? process.env['ISOLCTL_KERNEL_SOURCE'],
    signed: options.signed,
    cache: root,
    signal: options.signal,
  })
  const wanted = mergeConfigs(fragments.map(parseConfig))
  const ingredients = {
    recipe: RECIPE,
    flavour: options.flavour,
    source: source.sha256,
    series: series.sha256,
    config: [...wanted],
    compiler: compiler ?? '',
  }
  const key = sha256(JSON.stringify(ingredients)).slice(0, 32)
  return {key, flavour: options.flavour, series, source, wanted, compiler: ingredients.compiler}
}

/** A kernel that was published, if its image is still what the manifest says. */
async function findBuilt(key: string, root: string): Promise<BuiltKernel | undefined> {
  const folder = join(await cacheFolder('kernels', root), key)
  const text = await readIfPresent(join(folder, 'manifest.json'))
  if (text === undefined) return undefined
  const found = manifest.safeParse(parseJson(text))
  const bzImage = join(folder, 'bzImage')
  const intact =
    found.success &&
    (await readFile(bzImage).then(
      (image) => sha256(image) === found.data.bzImageSha256,
      () => false,
    ))
  if (!intact) {
    await rm(folder, {recursive: true, force: true}) // as good as none
    return undefined
  }
  return {...found.data, bzImage}
}

async function build(recipe: Recipe, options: BuildOptions, root: string): Promise<BuiltKernel> {
  const {key, flavour, series, source} = recipe
  const {progress, signal} = options
  const treeName = treeKey({source, series})
  await dropOtherTrees(treeName, root)
  await requireSpace(await treePath(treeName, root), root, OBJECTS_BYTES)
  const tree = await patchedTree({source, series, progress, cache: root, signal})
  // Below the tree, kbuild calls the sources "..", and ccache finds what it compiled for another tree.
  const objects = join(tree, `objects-${key}`)
  await mkdir(objects, {recursive: true})
  const context: MakeOptions = {
    tree,
    objects,
    log: join(await cacheFolder('logs', root), `${flavour}-${key}.log`),
    environment: buildEnvironment(await cacheFolder('ccache', root)),
    variables: await compilerVariables(),
    jobs: options.jobs,
    signal,
  }
  await progress.step(`configure Linux ${source.version} (${FLAVOURS[flavour].fragments.join(' + ')})`, () =>
    configure(recipe.wanted, context),
  )
  const count = await compile(flavour, context, progress, root)
  const built = await publish(recipe, context, count, root)
  await rm(objects, {recursive: true, force: true})
  return built
}

/** tinyconfig, the fragments over it, and then what Kconfig makes of that. */
async function configure(wanted: KernelConfig, context: MakeOptions): Promise<void> {
  const done = join(context.objects, '.isolctl-configured')
  if ((await readIfPresent(done)) !== undefined) return
  const file = join(context.objects, '.config')
  await make(['tinyconfig'], context)
  await writeFile(file, overrideConfig(await readFile(file, 'utf8'), wanted))
  await make(['olddefconfig'], context)
  await requireSymbols(wanted, parseConfig(await readFile(file, 'utf8')), context.tree)
  await writeFile(done, '')
}

/** Returns how many objects the whole kernel has, as far as we could count. */
async function compile(
  flavour: Flavour,
  context: MakeOptions,
  progress: Progress,
  root: string,
): Promise<number> {
  const already = await countObjects(context.objects)
  const memory = join(await cacheFolder('kernels', root), `${flavour}.objects`)
  const total = Number(await readIfPresent(memory)) || FLAVOURS[flavour].objects
  let made = 0
  await progress.step('compile the kernel', async (at) => {
    at({done: already, unit: 'objects', total})
    await make(['bzImage'], {
      ...context,
      onLine: (line) => {
        if (objectOf(line) === undefined) return
        made++
        at({done: already + made, unit: 'objects', total})
      },
    })
  })
  if (already === 0) await publishFile(memory, `${made}\n`)
  return already + made
}

/** Under its name there is a whole kernel or none: the folder is made beside its place and renamed. */
async function publish(
  {key, flavour, series, source, compiler}: Recipe,
  {objects}: MakeOptions,
  count: number,
  root: string,
): Promise<BuiltKernel> {
  const kernels = await cacheFolder('kernels', root)
  const place = join(kernels, key)
  const fresh = `${place}.${crypto.randomUUID()}.tmp`
  const image = join(objects, 'arch/x86/boot/bzImage')
  const config = await readFile(join(objects, '.config'))
  const facts: KernelManifest = {
    schema: 'isolctl.kernel/1',
    key,
    flavour,
    base: series.base.version,
    version: source.version,
    release: (await readFile(join(objects, 'include/config/kernel.release'), 'utf8')).trim(),
    compiler,
    sourceSha256: source.sha256,
    seriesSha256: series.sha256,
    configSha256: sha256(config),
    bzImageSha256: sha256(await readFile(image)),
    objects: count,
  }
  try {
    await mkdir(fresh, {mode: 0o700})
    await copyFile(image, join(fresh, 'bzImage'))
    await writeFile(join(fresh, 'config'), config)
    await writeFile(join(fresh, 'manifest.json'), `${JSON.stringify(facts, null, 2)}\n`)
    await rename(fresh, place)
  } finally {
    await rm(fresh, {recursive: true, force: true})
  }
  return {...facts, bzImage: join(place, 'bzImage')}
}
