// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {execa} from 'execa'
import {findSource, type Source} from '../src/kernel/source/archive.ts'
import {patchedTree} from '../src/kernel/source/patched-tree.ts'
import {readSeries, type Series, seriesFolder} from '../src/kernel/source/series.ts'
import {cacheRoot} from '../src/lib/cache.ts'
import type {Progress} from '../src/lib/progress.ts'

/** The series of this checkout, and the source it is for. Throws as findSource does. */
export async function seriesAndSource(): Promise<{readonly series: Series; readonly source: Source}> {
  const series = await readSeries(seriesFolder())
  const archive = process.env['ISOLCTL_KERNEL_SOURCE']
  return {series, source: await findSource({base: series.base, archive, cache: cacheRoot()})}
}

/** The source with the series applied; from the cache, or unpacked now. */
export async function sourceTree(progress: Progress): Promise<string> {
  return await patchedTree({...(await seriesAndSource()), progress, cache: cacheRoot()})
}

/** The programs of tools/testing/selftests/task_isolation, static, so that they run in any machine. */
export async function compileSelftests(
  into: string,
  progress: Progress,
): Promise<{readonly selftest: string; readonly fuzz: string}> {
  const folder = join(await sourceTree(progress), 'tools/testing/selftests/task_isolation')
  const compile = async (name: string) => {
    const program = join(into, name)
    await execa('gcc', ['-static', '-O2', '-Wall', '-o', program, join(folder, `${name}.c`), '-lpthread'])
    return program
  }
  return {selftest: await compile('task_isolation'), fuzz: await compile('fuzz')}
}
