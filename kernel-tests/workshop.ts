// SPDX-License-Identifier: MIT
/**
 * A kernel tree for experiments: the source, patched step by step, with object directories for
 * several configurations.
 */
import {rmSync} from 'node:fs'
import {mkdir, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {mergeConfigs, overrideConfig, parseConfig} from '../src/kernel/build/config-file.ts'
import {buildEnvironment, compilerVariables} from '../src/kernel/build/make.ts'
import {applyPatch} from '../src/kernel/source/apply-patch.ts'
import {unpack} from '../src/kernel/source/patched-tree.ts'
import {type Patch, readFragment, type Series} from '../src/kernel/source/series.ts'
import {cacheFolder, cacheRoot} from '../src/lib/cache.ts'
import {seriesAndSource} from './selftests.ts'

/**
 * The build date of every kernel, in seconds since the epoch: equal objects must be equal bytes.
 */
const DATE = 1_763_000_000

export interface Workshop {
  readonly tree: string
  readonly series: Series
  /** Throws UserError if the patch does not apply without fuzz. */
  apply(patch: Patch): Promise<void>
  /**
   * An object directory, configured by these fragments over tinyconfig. Kconfig drops symbols that
   * the tree does not have yet.
   */
  configure(name: string, fragments: readonly string[]): Promise<string>
  /**
   * Returns the warnings of the compiler. If make fails, throws Error with the end of its output.
   */
  make(objects: string, targets: readonly string[]): Promise<readonly string[]>
}

/**
 * Run `body` with a fresh, unpatched tree, which is removed afterwards. It takes 2 GB of the
 * cache's disk, and 20 seconds.
 */
export async function withWorkshop<T>(body: (workshop: Workshop) => Promise<T>): Promise<T> {
  const {series, source} = await seriesAndSource()
  const cache = cacheRoot()
  await mkdir(cache, {recursive: true})
  const folder = await mkdtemp(join(cache, 'workshop-'))
  const stop = () => {
    rmSync(folder, {recursive: true, force: true})
    process.exit(130)
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    const tree = join(folder, 'linux')
    await mkdir(tree)
    await unpack(source, tree)
    return await body(await workshopIn(tree, series))
  } finally {
    process.off('SIGINT', stop)
    process.off('SIGTERM', stop)
    await rm(folder, {recursive: true, force: true})
  }
}

async function workshopIn(tree: string, series: Series): Promise<Workshop> {
  const environment = buildEnvironment(await cacheFolder('ccache'), DATE)
  const variables = await compilerVariables()

  const make = async (objects: string, targets: readonly string[]): Promise<readonly string[]> => {
    const {all, failed} = await execa(
      'nice',
      [
        'make',
        '-C',
        tree,
        `O=${objects}`,
        `-j${availableParallelism()}`,
        '--output-sync=target',
        ...variables,
        ...targets,
      ],
      {env: environment, extendEnv: false, stdin: 'ignore', all: true, reject: false},
    )
    if (failed) throw new Error(`make ${targets.join(' ')} failed:\n${all.split('\n').slice(-30).join('\n')}`)
    return all.split('\n').filter((line) => /: warning: /.test(line))
  }

  return {
    tree,
    series,
    make,
    apply: (patch) => applyPatch(patch, tree),
    async configure(name, fragments) {
      const objects = join(tree, `objects-${name}`)
      await mkdir(objects, {recursive: true})
      await make(objects, ['tinyconfig'])
      const wanted = mergeConfigs(
        await Promise.all(
          fragments.map(async (fragment) => parseConfig(await readFragment(series.folder, fragment))),
        ),
      )
      const file = join(objects, '.config')
      await writeFile(file, overrideConfig(await readFile(file, 'utf8'), wanted))
      await make(objects, ['olddefconfig'])
      return objects
    },
  }
}
