// SPDX-License-Identifier: MIT
import {copyFile, mkdir, mkdtemp, readdir, rm} from 'node:fs/promises'
import {cpus} from 'node:os'
import {dirname, join} from 'node:path'
import {execa} from 'execa'
import {buildKernel} from '../src/kernel/build/lab.ts'
import {buildEnvironment, compilerVariables} from '../src/kernel/build/make.ts'
import {cacheRoot} from '../src/lib/cache.ts'
import type {Progress} from '../src/lib/progress.ts'
import type {Row} from './subject.ts'

/**
 * Compile the lab's kernel from nothing twice, without ccache: through isolctl, and by bare make on the same tree with the
 * same configuration and number of jobs. Seconds of the compiling alone; both take the same few steps before it.
 */
export async function compareKernelBuilds(): Promise<readonly Row[]> {
  process.env['CCACHE_DISABLE'] = '1'
  await mkdir(cacheRoot(), {recursive: true})
  const cache = await mkdtemp(join(cacheRoot(), 'bench-')) // beside the real one: it needs as much room
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
    const {bzImage} = await buildKernel({flavour: 'lab', cache, progress})
    const [tree = ''] = await readdir(join(cache, 'trees'))
    const objects = join(cache, 'trees', tree, 'objects-bare')
    await mkdir(objects)
    await copyFile(join(dirname(bzImage), 'config'), join(objects, '.config'))
    const make = (...targets: readonly string[]) =>
      execa('make', [`-j${cpus().length}`, '-C', dirname(objects), `O=${objects}`, ...targets], {
        env: buildEnvironment(join(cache, 'ccache')),
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
