// SPDX-License-Identifier: MIT
import {copyFile, mkdir, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {localHost} from '../src/host/local.ts'
import {runBuild} from '../src/kernel/build/build.ts'
import {parseConfig} from '../src/kernel/build/config-file.ts'
import {buildEnvironment} from '../src/kernel/build/make.ts'
import {planBuild} from '../src/kernel/build/plan.ts'
import {placeSigningKey} from '../src/kernel/build/signing-key.ts'
import {cacheRoot} from '../src/lib/cache.ts'
import {type Progress, silent} from '../src/lib/progress.ts'
import type {Options, Row} from './subject.ts'

/**
 * A package of a kernel from nothing twice, without ccache: through `kernel build`, and by bare make bindeb-pkg on the same
 * tree with the same configuration; then once more with nothing changed. Seconds from the patched tree to the packages.
 * `kconfig`: a configuration that is made in reasonable time; that of the running kernel when not given.
 */
export async function comparePackageBuilds({kconfig}: Options): Promise<readonly Row[]> {
  process.env['CCACHE_DISABLE'] = '1'
  await mkdir(cacheRoot(), {recursive: true})
  const cache = await mkdtemp(join(cacheRoot(), 'bench-')) // beside the real one: it needs as much room
  try {
    let ours = 0
    const progress: Progress = {
      step: async (title, body) => {
        const start = performance.now()
        const result = await body(() => {})
        if (!/^(?:unpack|apply) /.test(title)) ours += (performance.now() - start) / 1000
        return result
      },
    }
    const plan = () =>
      planBuild({
        host: localHost(),
        origin: {},
        kconfig,
        localmodconfig: false,
        debugInfo: false,
        format: 'deb',
        forSecureBoot: true, // nothing is installed
        cache,
      })
    const note = () => {}
    const built = await runBuild(await plan(), {progress, note})

    const start = performance.now()
    await runBuild(await plan(), {progress: silent, note})
    const again = (performance.now() - start) / 1000

    const [tree = ''] = await readdir(join(cache, 'trees'))
    const objects = join(cache, 'trees', tree, 'objects-bare')
    await mkdir(objects)
    await copyFile(join(built.folder, 'config'), join(objects, '.config'))
    if (parseConfig(await plan().then(({base}) => base.text)).get('MODULE_SIG') === 'y')
      await placeSigningKey(objects, cache)
    const log = join(cache, 'bare.log')
    await writeFile(log, '')
    const begun = performance.now()
    await execa(
      'make',
      [`-j${availableParallelism()}`, '-C', join(objects, '..'), `O=${objects}`, 'bindeb-pkg'],
      {
        env: {...buildEnvironment(join(cache, 'ccache'), built.date), KDEB_PKGVERSION: `${built.version}-1`},
        stdin: 'ignore',
        stdout: {file: log},
        stderr: {file: log},
      },
    )
    const bare = (performance.now() - begun) / 1000
    const ratio = `${((ours / bare - 1) * 100).toFixed(1)} % over bare make`
    return [
      {what: 'make bindeb-pkg, cold', value: bare, unit: 's'},
      {what: 'isolctl kernel build', value: ours, unit: 's', ratio},
      {what: 'the same with nothing changed', value: again, unit: 's'},
    ]
  } finally {
    await rm(cache, {recursive: true, force: true})
  }
}
