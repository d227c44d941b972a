// SPDX-License-Identifier: MIT
/** What launching through isolctl costs, against taskset and chrt, in one run. */
import {availableParallelism} from 'node:os'
import {execa} from 'execa'
import {runInLab} from '../src/lab/run.ts'
import {packageRoot} from '../src/lib/assets.ts'
import {testKernel} from '../test/lab/kernel.ts'
import type {Row} from './preflight.ts'

const SETTLE_MS = 100

/** Needs two CPUs; runs `true` many times on the second, then a poll loop in the lab. */
export async function launchCosts(): Promise<readonly Row[]> {
  if (availableParallelism() < 2) throw new Error('measuring launch takes two CPUs')
  const place = ['--cpus=1', '--housekeeping=0', '--soft']
  const shim = 'dist/libexec/isol-exec'
  const ours = ['launch', '--cpus', '1', '--soft', '--force', '--allow-guest', '--enter', 'app', '--']
  const named = [
    ['true', ['true']],
    ['taskset and chrt, true', ['taskset', '-c', '1', 'chrt', '--other', '0', 'true']],
    ['isol-exec, true', [shim, ...place, '--quiet', '--', 'true']],
    ['the same with a reporter', [shim, ...place, '--settle=100', '--', 'true']],
    ['isolctl launch, true', ['node', 'bin/run.js', ...ours, 'true']],
  ] as const
  const times = await best(
    named.map(([, command]) => command),
    40,
  )
  const [, bare = Number.NaN] = times
  return [
    ...named.map(([what], index) => {
      const ms = times[index] ?? Number.NaN
      const over = `${(ms - bare).toFixed(1)} ms over taskset and chrt`
      return {what, seconds: ms / 1000, ...(index > 1 ? {ratio: over} : {})}
    }),
    ...(await settleTimes()).map((seconds) => ({
      what: 'until isolated, lab',
      seconds,
      ratio: `from exec; the settle time is ${SETTLE_MS} ms, and counts twice`,
    })),
  ]
}

/** Milliseconds: the best of several runs of each, taken in turns, so that a busy moment hits all. */
async function best(commands: readonly (readonly string[])[], runs: number): Promise<readonly number[]> {
  const times: number[][] = commands.map(() => [])
  for (let run = 0; run < runs; run++)
    for (const [index, [file = '', ...args]] of commands.entries()) {
      const start = performance.now()
      await execa(file, args, {stdin: 'ignore', cwd: packageRoot})
      times[index]?.push(performance.now() - start)
    }
  return times.map((each) => Math.min(...each))
}

/** In the lab, because it takes the patched kernel: an emulated machine makes it longer than it is. */
async function settleTimes(): Promise<readonly number[]> {
  const script = `
    sleep 2
    for run in 1 2 3 4 5; do
      dist/libexec/isol-exec --cpus=3 --housekeeping=0-1 --settle=${SETTLE_MS} -- dist/libexec/isol-spin --cpu 3 &
      sleep 4; kill $!; wait $!; sleep 0.5
    done`
  const {stderr} = await runInLab(['/bin/sh', '-c', script], {
    kernel: await testKernel(),
    cwd: packageRoot,
  })
  return [...stderr.matchAll(/is isolated on CPU 3, ([\d.]+) s after the start/g)].map(([, seconds]) =>
    Number(seconds),
  )
}
