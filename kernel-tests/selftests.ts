// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {execa} from 'execa'
import {findSource} from '../src/kernel/source/find-source.ts'
import {type PatchedSource, patchedTree} from '../src/kernel/source/patched-tree.ts'
import {allSeries} from '../src/kernel/source/series.ts'
import {cacheRoot} from '../src/lib/cache.ts'
import type {Progress} from '../src/lib/progress.ts'

/**
 * The source that the lab builds, and the series of this checkout for it. Throws as findSource()
 * does.
 */
export async function seriesAndSource(): Promise<PatchedSource> {
  const request = {path: process.env['ISOLCTL_KERNEL_SOURCE'], unsigned: true}
  const {origin, series} = await findSource(request, await allSeries())
  return {series, source: origin.source}
}

/** The path of the source with the series applied; from the cache, or unpacked now. */
export async function sourceTree(progress: Progress): Promise<string> {
  return await patchedTree({...(await seriesAndSource()), progress, cache: cacheRoot()})
}

/**
 * The programs of tools/testing/selftests/task_isolation, static, so that they run in every
 * machine.
 */
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
