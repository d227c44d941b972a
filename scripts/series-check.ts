// SPDX-License-Identifier: MIT
/**
 * Check every patch series in kernel-patches/: it is complete, its patches have their tags, and each applies without fuzz to
 * the source that base.json names. npm run kernel:bisect checks that the kernel builds and boots after every patch.
 */
import {mkdtemp, readdir, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {execa} from 'execa'
import {findSource} from '../src/kernel/source/archive.ts'
import {orderProblems, patchProblems, touchedFiles} from '../src/kernel/source/patch-format.ts'
import {applyPatch} from '../src/kernel/source/patched-tree.ts'
import {readSeries, type Series, seriesFolder} from '../src/kernel/source/series.ts'

const root = dirname(seriesFolder())
const folders = (await readdir(root, {withFileTypes: true})).filter((entry) => entry.isDirectory())
let problems = 0

for (const {name} of folders) {
  const series = await readSeries(join(root, name))
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

/** Apply the series to only the files that it touches: a complete tree takes a minute to unpack. */
async function applyProblems({base, patches}: Series): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-series-'))
  try {
    const source = await findSource({base, archive: process.env['ISOLCTL_KERNEL_SOURCE']})
    const texts = await Promise.all(patches.map(({path}) => readFile(path, 'utf8')))
    const files = new Set(texts.flatMap(touchedFiles))
    const {stdout} = await execa('tar', ['--list', '--file', source.archive], {maxBuffer: 1 << 28})
    const members = stdout.split('\n').filter((member) => files.has(member.replace(/^[^/]+\//, '')))
    await execa('tar', [
      ...['--extract', '--no-same-owner', '--strip-components=1', '--directory', folder],
      ...['--file', source.archive, ...members],
    ])
    for (const patch of patches) await applyPatch(patch, folder, undefined)
    process.stdout.write(`${base.version}: applies to Linux ${source.version} without fuzz\n`)
    return []
  } catch (error) {
    return [(error as Error).message]
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}
