// SPDX-License-Identifier: MIT
import {mkdir, rm, stat} from 'node:fs/promises'
import {join} from 'node:path'
import {cacheFolder} from '../../lib/cache.ts'
import {Interrupted} from '../../lib/errors.ts'
import {withLock} from '../../lib/lock.ts'
import type {Progress} from '../../lib/progress.ts'
import type {BuildManifest} from '../../schema/kernel-build.ts'
import {dropOtherTrees, patchedTree} from '../source/patched-tree.ts'
import {compile} from './compile.ts'
import {configure} from './configure.ts'
import {buildEnvironment, compilerVariables, type MakeOptions} from './make.ts'
import {type Built, readBuilt} from './manifest.ts'
import {type BuildPlan, logOf, placeOf} from './plan.ts'
import {publish} from './publish.ts'

export interface BuildOptions {
  readonly progress: Progress
  /** How many files are compiled at once; as many as CPUs and memory allow if absent. */
  readonly jobs?: number | undefined
  /** Build although the cache has it. */
  readonly again?: boolean
  readonly signal?: AbortSignal | undefined
  /** Gets what is known only after the kernel was configured. */
  readonly note?: (text: string) => void
}

/**
 * Build a kernel, or return the build of the cache. A build that was interrupted goes on where it
 * stopped; the cache contains only complete builds. Builds of one cache run one after the other,
 * because each uses the whole machine.
 *
 * Throws UserError (exit 69) for a patch that does not apply, a configuration that lost symbols and
 * a compiler error; Interrupted.
 */
export async function buildKernel<M extends BuildManifest>(
  plan: BuildPlan<M>,
  options: BuildOptions,
): Promise<Built<M>> {
  const {progress, signal, again} = options
  if (plan.built !== undefined && again !== true) return plan.built
  const {promise: waited, resolve: stopWaiting} = Promise.withResolvers<void>()
  const onWait = () => void progress.step('wait for another kernel build', async () => waited)
  try {
    return await withLock(
      join(await cacheFolder('locks', plan.cache), 'kernel'),
      {signal, onWait},
      async () => {
        stopWaiting()
        const done =
          again === true ? undefined : await readBuilt(await placeOf(plan), plan.product.schema, plan.key)
        return done ?? (await build(plan, options))
      },
    )
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    throw new Interrupted('interrupted', 'nothing was published; the same command goes on where it stopped')
  } finally {
    stopWaiting()
  }
}

async function build<M extends BuildManifest>(plan: BuildPlan<M>, options: BuildOptions): Promise<Built<M>> {
  const {
    cache,
    key,
    config,
    origin: {source},
    product,
    series,
  } = plan
  const {progress, signal, jobs, again = false, note = () => {}} = options
  await dropOtherTrees({source, series}, cache)
  const tree = await patchedTree({source, series, progress, cache, signal})
  // Below the tree, kbuild calls the source "..", so that ccache finds the objects of another tree.
  const objects = join(tree, `objects-${key}`)
  if (again) await rm(objects, {recursive: true, force: true})
  await mkdir(objects, {recursive: true})
  const date = await dateOf(tree)
  const context: MakeOptions = {
    ...{tree, objects, jobs, signal, log: await logOf(plan)},
    environment: {
      ...buildEnvironment(await cacheFolder('ccache', cache), date),
      ...product.environment,
      // With objects of the compiler cache, a second build would be compared with itself.
      ...(again ? {CCACHE_RECACHE: '1'} : {}),
    },
    variables: await compilerVariables(),
  }
  await progress.step(`configure Linux ${source.version} (${config.from})`, () =>
    configure(config, context, {cache, note}),
  )
  const count = await compile(plan, context, progress)
  const built = await publish(plan, objects, {date, count})
  await rm(objects, {recursive: true, force: true})
  return built
}

/**
 * When the source was made: the date of a file that no patch changes, in seconds since the epoch.
 */
async function dateOf(tree: string): Promise<number> {
  for (const name of ['COPYING', 'Makefile']) {
    const found = await stat(join(tree, name)).catch(() => undefined)
    if (found !== undefined) return Math.floor(found.mtimeMs / 1000)
  }
  return 0
}
