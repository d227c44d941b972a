// SPDX-License-Identifier: MIT
/**
 * Checks every patch series in kernel-patches/: that it is complete, that each patch has the
 * required tags, and that each applies without fuzz to the source that base.json names. npm run
 * kernel:bisect shows that the kernel builds and boots after each patch.
 */
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {applyPatch} from '../src/kernel/source/apply-patch.ts'
import {findSource} from '../src/kernel/source/find-source.ts'
import {orderProblems, patchProblems, touchedFiles} from '../src/kernel/source/patch-format.ts'
import {PATCHES, readSeries, type Series} from '../src/kernel/source/series.ts'

const folders = (await readdir(PATCHES, {withFileTypes: true})).filter((entry) => entry.isDirectory())
let problems = 0

for (const {name} of folders) {
  const series = await readSeries(join(PATCHES, name))
  const found = [
    ...orderProblems(
      series.patches.map((patch) => patch.name),
      await readdir(series.folder),
    ),
    ...(
      await Promise.all(
        series.patches.map(async (patch) =>
          patchProblems(await readFile(patch.path, 'utf8')).map((problem) => `${patch.name} ${problem}`),
        ),
      )
    ).flat(),
    ...(await applyProblems(series)),
  ]
  for (const problem of found) process.stdout.write(`${name}: ${problem}\n`)
  if (found.length === 0) process.stdout.write(`${name}: ${series.patches.length} patches, no problem\n`)
  problems += found.length
}
process.exitCode = problems === 0 ? 0 : 1

/**
 * Apply the patches in order. Only the files that they change are unpacked, because a whole tree
 * takes a minute.
 */
async function applyProblems(series: Series): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-series-'))
  try {
    const request = {path: process.env['ISOLCTL_KERNEL_SOURCE'], unsigned: true}
    const {source} = (await findSource(request, [series])).origin
    const texts = await Promise.all(series.patches.map(({path}) => readFile(path, 'utf8')))
    const files = new Set(texts.flatMap(touchedFiles))
    const {stdout} = await execa('tar', ['--list', '--file', source.archive], {maxBuffer: 1 << 28})
    const members = stdout.split('\n').filter((member) => files.has(member.replace(/^[^/]+\//, '')))
    await execa('tar', [
      ...['--extract', '--no-same-owner', '--strip-components=1', '--directory', folder],
      ...['--file', source.archive, ...members],
    ])
    for (const patch of series.patches) await applyPatch(patch, folder)
    process.stdout.write(`${series.base.version}: applies to Linux ${source.version} without fuzz\n`)
    return []
  } catch (error) {
    return [(error as Error).message]
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}
