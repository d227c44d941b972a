// SPDX-License-Identifier: MIT
/**
 * The interrupts of one CPU and the losses of isolation while the other CPUs are busy. The load is
 * the same on a machine without isolation, on one with nohz_full and isolcpus only, and on one with
 * an isolated task.
 */
import {join} from 'node:path'
import type {Options, Row} from '../bench/subject.ts'
import {compile} from '../scripts/native.ts'
import {labKernel} from '../src/lab/kernel.ts'
import {runInLab} from '../src/lab/run.ts'
import {withPrivateFolder} from '../src/lib/files.ts'
import {logProgress} from '../src/ui/progress.ts'

type Counts = ReadonlyMap<string, number>

const CPU = 3
const MACHINES = [
  {name: 'no isolation', mode: 'plain', bootArguments: ['nowatchdog', 'tsc=reliable']},
  {name: 'nohz_full only', mode: 'plain'},
  {name: 'isolated', mode: 'isolated'},
] as const

/** Lines of quality.c that are not results. */
const IGNORED = ['starts']

/**
 * npm run bench -- isolation [--seconds N]: N seconds (60 if absent) with an isolated task. The
 * runs on the other machines take two minutes at most.
 */
export async function isolationQuality({seconds = 60}: Options): Promise<readonly Row[]> {
  return await withPrivateFolder(async (folder) => {
    const progress = logProgress((line) => process.stderr.write(`${line}\n`))
    const kernel = (await labKernel({progress})).bzImage
    const program = join(folder, 'quality')
    await compile(join(import.meta.dirname, 'quality.c'), program, join(folder, 'objects'))

    const columns: {readonly title: string; readonly isolated: boolean; readonly counts: Counts}[] = []
    for (const {name, mode, ...boot} of MACHINES) {
      const isolated = mode === 'isolated'
      const length = isolated ? seconds : Math.min(seconds, 120)
      const title = `${name}, ${length} s`
      process.stderr.write(`${title}\n`)
      const {stdout, exitCode} = await runInLab([program, mode, `${CPU}`, `${length}`], {
        kernel,
        ...boot,
        timeoutMs: (length + 120) * 1000,
      })
      if (exitCode !== 0) throw new Error(`${name}: exit status ${exitCode}\n${stdout}`)
      const counts = new Map(
        [...stdout.matchAll(/^(\S+) (\d+)$/gm)].map(([, what = '', n]) => [what, Number(n)]),
      )
      columns.push({title, isolated, counts})
    }

    const names = [...new Set(columns.flatMap(({counts}) => [...counts.keys()]))]
    const breaks = columns.at(-1)?.counts.get('breaks') ?? Number.NaN
    return [
      ...names
        .filter((name) => !IGNORED.includes(name))
        .flatMap((name) =>
          columns
            .filter(({isolated}) => isolated || name !== 'breaks') // the other machines have no isolation to lose
            .map(
              ({title, counts}): Row => ({
                what: `${name} on CPU ${CPU}, ${title}`,
                value: counts.get(name) ?? 0,
                unit: 'times',
              }),
            ),
        ),
      {what: 'isolation lost in an hour', value: (breaks * 3600) / seconds, unit: 'times'},
    ]
  })
}
