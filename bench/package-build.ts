// SPDX-License-Identifier: MIT
import {copyFile, mkdir, mkdtemp, readdir, rm, writeFile} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {localHost} from '../src/host/local.ts'
import {buildKernel} from '../src/kernel/build/build.ts'
import {buildEnvironment} from '../src/kernel/build/make.ts'
import {planPackage} from '../src/kernel/build/package-product.ts'
import {placeSigningKey} from '../src/kernel/build/signing-key.ts'
import {cacheRoot} from '../src/lib/cache.ts'
import {type Progress, silent} from '../src/lib/progress.ts'
import type {Options, Row} from './subject.ts'

/**
 * Build a package twice without ccache: with `kernel build`, and with make bindeb-pkg alone on the
 * same tree, with the same configuration. Then build it again with nothing changed. Returns
 * seconds, from the patched tree to the packages. `kconfig`: the base configuration; that of the
 * running kernel if absent.
 */
export async function comparePackageBuilds({kconfig}: Options): Promise<readonly Row[]> {
  process.env['CCACHE_DISABLE'] = '1'
  await mkdir(cacheRoot(), {recursive: true})
  // On the disk of the cache, because it needs as much space.
  const cache = await mkdtemp(join(cacheRoot(), 'bench-'))
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
      planPackage({
        host: localHost(),
        source: {},
        kconfig,
        localmodconfig: false,
        debugInfo: false,
        format: 'deb',
        forSecureBoot: true, // nothing is installed
        cache,
      })
    const built = await buildKernel(await plan(), {progress})

    const start = performance.now()
    await buildKernel(await plan(), {progress: silent})
    const again = (performance.now() - start) / 1000

    const [tree = ''] = await readdir(join(cache, 'trees'))
    const objects = join(cache, 'trees', tree, 'objects-bare')
    await mkdir(objects)
    await copyFile(join(built.folder, 'config'), join(objects, '.config'))
    if ((await plan()).config.ownKey) await placeSigningKey(objects, cache)
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
