// SPDX-License-Identifier: MIT
/**
 * npm run bench:isolation [-- SECONDS]: interrupts of one CPU and losses of isolation while the rest of the machine is busy,
 * for the same load on a machine without isolation, with nohz_full and isolcpus only, and with an isolated task. 60 seconds
 * if not given; 3600 for the hour, of which the machines it is compared with take two minutes each.
 */

import {join} from 'node:path'
import {execa} from 'execa'
import {labKernel} from '../src/lab/kernel.ts'
import {runInLab} from '../src/lab/run.ts'
import {withPrivateFolder} from '../src/lib/files.ts'
import {logProgress} from '../src/ui/progress.ts'

const CPU = 3
const MACHINES = [
  {name: 'no isolation', mode: 'plain', bootArguments: ['nowatchdog', 'tsc=reliable']},
  {name: 'nohz_full only', mode: 'plain'},
  {name: 'isolated', mode: 'isolated'},
] as const

const seconds = Number(process.argv[2] ?? 60)
const secondsOf = (mode: string) => (mode === 'isolated' ? seconds : Math.min(seconds, 120))

await withPrivateFolder(async (folder) => {
  const progress = logProgress((line) => process.stderr.write(`${line}\n`))
  const kernel = (await labKernel({progress})).bzImage
  const program = join(folder, 'quality')
  await execa('gcc', [
    '-static',
    '-O2',
    '-Wall',
    '-Werror',
    '-o',
    program,
    join(import.meta.dirname, 'quality.c'),
  ])

  const columns: ReadonlyMap<string, number>[] = []
  for (const {name, mode, ...boot} of MACHINES) {
    process.stderr.write(`${name}: ${secondsOf(mode)} s\n`)
    const {stdout, exitCode} = await runInLab([program, mode, `${CPU}`, `${secondsOf(mode)}`], {
      kernel,
      ...boot,
      timeoutMs: (secondsOf(mode) + 120) * 1000,
    })
    if (exitCode !== 0) throw new Error(`${name}: exit status ${exitCode}\n${stdout}`)
    columns.push(
      new Map([...stdout.matchAll(/^(\S+) (\d+)$/gm)].map(([, what = '', n]) => [what, Number(n)])),
    )
  }

  const rows = [...new Set(columns.flatMap((column) => [...column.keys()]))].filter((row) => row !== 'starts')
  const line = (title: string, cells: readonly string[]) =>
    process.stdout.write(`${title.padEnd(24)}${cells.map((cell) => cell.padStart(24)).join('')}\n`)
  line(
    `CPU ${CPU}`,
    MACHINES.map(({name, mode}) => `${name}, ${secondsOf(mode)} s`),
  )
  for (const row of rows)
    line(
      row,
      columns.map((column, index) =>
        row === 'breaks' && MACHINES[index]?.mode === 'plain' ? '-' : `${column.get(row) ?? 0}`,
      ),
    )
  const perHour = ((columns.at(-1)?.get('breaks') ?? Number.NaN) * 3600) / seconds
  process.stdout.write(`isolation lost ${perHour} times an hour\n`)
})
