// SPDX-License-Identifier: MIT
import {copyFile, mkdir, mkdtemp, readdir, rm} from 'node:fs/promises'
import {cpus} from 'node:os'
import {dirname, join} from 'node:path'
import {execa} from 'execa'
import {buildEnvironment, compilerVariables} from '../src/kernel/build/make.ts'
import {labKernel} from '../src/lab/kernel.ts'
import {cacheRoot} from '../src/lib/cache.ts'
import type {Progress} from '../src/lib/progress.ts'
import type {Row} from './subject.ts'

/**
 * Compile the lab's kernel twice without ccache: with isolctl, and with make alone on the same
 * tree, with the same configuration and number of jobs. Returns seconds, of the compilation only.
 */
export async function compareKernelBuilds(): Promise<readonly Row[]> {
  process.env['CCACHE_DISABLE'] = '1'
  await mkdir(cacheRoot(), {recursive: true})
  // On the disk of the cache, because it needs as much space.
  const cache = await mkdtemp(join(cacheRoot(), 'bench-'))
  try {
    const seconds = new Map<string, number>()
    const progress: Progress = {
      step: async (title, body) => {
        const start = performance.now()
        const result = await body(() => {})
        seconds.set(title, (performance.now() - start) / 1000)
        return result
      },
    }
    const {bzImage, date} = await labKernel({cache, progress})
    const [tree = ''] = await readdir(join(cache, 'trees'))
    const objects = join(cache, 'trees', tree, 'objects-bare')
    await mkdir(objects)
    await copyFile(join(dirname(bzImage), 'config'), join(objects, '.config'))
    const make = (...targets: readonly string[]) =>
      execa('make', [`-j${cpus().length}`, '-C', dirname(objects), `O=${objects}`, ...targets], {
        env: buildEnvironment(join(cache, 'ccache'), date),
        stdin: 'ignore',
        stdout: 'ignore',
      })
    const variables = await compilerVariables()
    await make(...variables, 'olddefconfig')
    const start = performance.now()
    await make(...variables, 'bzImage')
    const bare = (performance.now() - start) / 1000
    const ours = seconds.get('compile the kernel') ?? Number.NaN
    const ratio = `${((ours / bare - 1) * 100).toFixed(1)} % over bare make`
    return [
      {what: 'make bzImage, cold', value: bare, unit: 's'},
      {what: 'the same through isolctl', value: ours, unit: 's', ratio},
    ]
  } finally {
    await rm(cache, {recursive: true, force: true})
  }
}
