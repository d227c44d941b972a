// SPDX-License-Identifier: MIT
import {mkdir, readFile, rename, rm, stat, writeFile} from 'node:fs/promises'
import {basename, join} from 'node:path'
import {execa} from 'execa'
import {cacheFolder} from '../../lib/cache.ts'
import {Interrupted, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {publishFile, readIfPresent} from '../../lib/files.ts'
import {withLock} from '../../lib/lock.ts'
import type {Progress} from '../../lib/progress.ts'
import {patchedTree, treeKey} from '../source/patched-tree.ts'
import {sha256} from '../source/series.ts'
import {type KernelConfig, mergeConfigs, overrideConfig, parseConfig} from './config-file.ts'
import {countObjects, dropOtherTrees} from './disk-space.ts'
import {dropped} from './distribution-config.ts'
import {requireSymbols} from './kconfig-language.ts'
import {buildEnvironment, compilerVariables, type MakeOptions, make, objectOf} from './make.ts'
import {type BuildManifest, type Built, fileSha256, readBuilt} from './manifest.ts'
import {collectPackages} from './package-files.ts'
import {type BuildPlan, ingredientsOf} from './plan.ts'
import {placeSigningKey} from './signing-key.ts'

export interface RunOptions {
  readonly progress: Progress
  readonly jobs?: number | undefined
  /** Build it although it is there. */
  readonly again?: boolean
  readonly signal?: AbortSignal | undefined
  /** What only the configured tree tells. */
  readonly note: (text: string) => void
}

/** Where the whole log of a build is. */
export async function logOf({cache, release}: Pick<BuildPlan, 'cache' | 'release'>): Promise<string> {
  return join(await cacheFolder('logs', cache), `${release}.log`)
}

/**
 * Build what was planned, or return what was built. A build that was stopped goes on where it was; under its name there is
 * a whole one or none. Throws UserError, exit 69, and Interrupted.
 */
export async function runBuild(plan: BuildPlan, options: RunOptions): Promise<Built> {
  const {progress, signal} = options
  if (plan.built !== undefined && options.again !== true) return plan.built
  const {promise: waited, resolve: stopWaiting} = Promise.withResolvers<void>()
  const waiting = {
    ...(signal === undefined ? {} : {signal}),
    onWait: () => void progress.step('wait for another kernel build', async () => waited),
  }
  try {
    return await withLock(join(await cacheFolder('locks', plan.cache), 'kernel'), waiting, async () => {
      stopWaiting()
      const done = options.again === true ? undefined : await readBuilt(await placeOf(plan), plan.key)
      return done ?? (await build(plan, options))
    })
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    throw new Interrupted('interrupted', 'nothing was published; the same command goes on where it stopped')
  } finally {
    stopWaiting()
  }
}

const placeOf = async ({cache, release}: BuildPlan) => join(await cacheFolder('builds', cache), release)

async function build(plan: BuildPlan, options: RunOptions): Promise<Built> {
  const {cache, key, origin, series} = plan
  const {progress, signal, jobs} = options
  const name = treeKey({source: origin.source, series})
  await dropOtherTrees(name, cache)
  const tree = await patchedTree({source: origin.source, series, progress, cache, signal})
  // Below the tree, kbuild calls the sources "..", and ccache finds what it compiled for another tree.
  const objects = join(tree, `objects-${key}`)
  if (options.again === true) await rm(objects, {recursive: true, force: true})
  await mkdir(objects, {recursive: true})
  const date = await dateOf(tree)
  const context: MakeOptions = {
    ...{tree, objects, jobs, signal, log: await logOf(plan)},
    environment: {
      ...buildEnvironment(await cacheFolder('ccache', cache), date),
      // The revision is KBUILD_BUILD_VERSION for the kernel's own packaging.
      KDEB_PKGVERSION: `${origin.source.version}-1`,
      KDEB_CHANGELOG_DIST: 'unstable',
      // Ask the preprocessor for nothing but what the compiler is asked anyway: most of these builds are somebody's first,
      // and filling the cache took four tenths of the compiler's time on top.
      CCACHE_DEPEND: '1',
      INSTALL_MOD_STRIP: '1', // what builddeb does, and kernel.spec does not
      // Compiled anew: taken from the compiler's cache it would only be compared with itself.
      ...(options.again === true ? {CCACHE_RECACHE: '1'} : {}),
    },
    variables: await compilerVariables(),
  }
  await progress.step(`configure Linux ${origin.source.version} (${plan.base.from})`, () =>
    configure(plan, context, options.note),
  )
  const count = await compile(plan, context, progress)
  const built = await publish(plan, context, {date, count})
  await rm(objects, {recursive: true, force: true})
  return built
}

/** Of a file that no patch touches: when the source was made. */
async function dateOf(tree: string): Promise<number> {
  for (const name of ['COPYING', 'Makefile']) {
    const found = await stat(join(tree, name)).catch(() => undefined)
    if (found !== undefined) return Math.floor(found.mtimeMs / 1000)
  }
  return 0
}

/** The base configuration, ours over it, and then what Kconfig makes of that; every symbol that we need is checked. */
async function configure(plan: BuildPlan, context: MakeOptions, note: RunOptions['note']): Promise<void> {
  const {adapted, base, localversion, modules} = plan
  if (adapted.ownKey) await placeSigningKey(context.objects, plan.cache)
  const done = join(context.objects, '.isolctl-configured')
  if ((await readIfPresent(done)) !== undefined) return
  const named = new Map([['LOCALVERSION', `"${localversion}"`]])
  const set = mergeConfigs([adapted.set, named])
  const file = join(context.objects, '.config')
  const settle = async (text: string): Promise<KernelConfig> => {
    await writeFile(file, overrideConfig(text, set))
    await make(['olddefconfig'], context)
    return parseConfig(await readFile(file, 'utf8'))
  }
  let final = await settle(base.text)
  if (modules !== undefined) {
    const list = join(context.objects, '.isolctl-modules')
    await writeFile(list, modules)
    // It asks about symbols that were hidden before; an empty answer is the default.
    const variables = [...context.variables, `LSMOD=${list}`]
    await make(['localmodconfig'], {...context, variables, input: '\n'.repeat(10_000)})
    final = await settle(await readFile(file, 'utf8'))
  }
  await requireSymbols(mergeConfigs([adapted.required, named]), final, context.tree)
  if (modules === undefined) {
    const gone = dropped(parseConfig(base.text), set, final)
    if (gone.length > 0) note(`${gone.length} options of ${base.from} are not in this kernel: ${shown(gone)}`)
  }
  await writeFile(done, '')
}

const shown = (names: readonly string[]) =>
  names.length <= 8 ? names.join(', ') : `${names.slice(0, 8).join(', ')} and ${names.length - 8} more`

/** Returns how many objects the whole kernel has, as far as we could count. */
async function compile(plan: BuildPlan, context: MakeOptions, progress: Progress): Promise<number> {
  const config = sha256(await readFile(join(context.objects, '.config')))
  const memory = join(await cacheFolder('builds', plan.cache), `.objects-${config.slice(0, 32)}`)
  const already = await countObjects(context.objects)
  const known = Number(await readIfPresent(memory)) || undefined
  const total = known ?? (await progress.step('count what there is to compile', () => countAhead(context)))
  let made = 0
  await progress.step('compile and package the kernel', async (at) => {
    const tell = () => at({done: already + made, unit: 'objects', ...(total === undefined ? {} : {total})})
    tell()
    await make([plan.format === 'deb' ? 'bindeb-pkg' : 'binrpm-pkg'], {
      ...context,
      onLine: (line) => {
        if (objectOf(line) === undefined) return
        made++
        tell()
      },
    })
  })
  if (already === 0) await publishFile(memory, `${made}\n`)
  return already + made
}

/** What make would compile, by its own account; undefined when it gives none. It takes seconds, and is asked once. */
async function countAhead(context: MakeOptions): Promise<number | undefined> {
  const before = await countObjects(context.objects)
  let count = 0
  await make(['prepare'], context)
  await make(['--dry-run', '--keep-going', 'vmlinux', 'modules'], {
    ...context,
    log: '/dev/null',
    onLine: (line) => {
      if (/ -c -o (?!scripts\/)[^/\s]\S*\.o /.test(line)) count++
    },
  }).catch((error: unknown) => {
    if (error instanceof Interrupted) throw error // what cannot be made before it is made is no error here
  })
  return count === 0 ? undefined : before + count
}

/** Under its name there is a whole build or none: the folder is made beside its place and renamed. */
async function publish(
  plan: BuildPlan,
  {objects}: MakeOptions,
  {date, count}: {date: number; count: number},
): Promise<Built> {
  const {base, format} = plan
  const place = await placeOf(plan)
  const fresh = `${place}.${crypto.randomUUID()}.tmp`
  const release = (await readFile(join(objects, 'include/config/kernel.release'), 'utf8')).trim()
  const config = await readFile(join(objects, '.config'))
  const vmlinux = join(objects, 'vmlinux')
  const files: BuildManifest['files'] = [{role: 'config', name: 'config', sha256: sha256(config)}]
  try {
    await mkdir(fresh, {mode: 0o755})
    await writeFile(join(fresh, 'config'), config)
    for (const {role, path} of await collectPackages(objects, release, format)) {
      const name = basename(path)
      files.push({role, name, sha256: await fileSha256(path)})
      await rename(path, join(fresh, name))
    }
    if (!files.some(({role}) => role === 'image'))
      throw new UserError(`the kernel was built, and its packaging left no image for ${release}`, {
        exit: Exit.unsuitable,
        help: `the whole log: ${await logOf(plan)}`,
      })
    const manifest: BuildManifest = {
      schema: 'isolctl.kernel-build/1',
      key: plan.key,
      release,
      ...ingredientsOf(plan),
      config: {from: base.from, sha256: sha256(config)},
      compiler: plan.compiler,
      date,
      buildId: await buildIdOf(vmlinux),
      vmlinuxSha256: await fileSha256(vmlinux),
      objects: count,
      format,
      files,
    }
    await writeFile(join(fresh, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
    await rm(place, {recursive: true, force: true})
    await rename(fresh, place)
    return {...manifest, folder: place}
  } finally {
    await rm(fresh, {recursive: true, force: true})
  }
}

async function buildIdOf(vmlinux: string): Promise<string> {
  const {stdout} = await execa('readelf', ['--notes', vmlinux], {
    env: {LC_ALL: 'C'},
    stdin: 'ignore',
    reject: false,
  })
  const id = /^\s*Build ID: ([0-9a-f]+)$/m.exec(stdout)?.[1]
  if (id !== undefined) return id
  throw new UserError(`${vmlinux} has no build id`, {
    exit: Exit.unsuitable,
    help: 'the linker did not write one: is ld of binutils the one in PATH?',
  })
}
