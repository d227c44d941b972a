// SPDX-License-Identifier: MIT
import {availableParallelism} from 'node:os'
import {runInLab} from '../src/lab/run.ts'
import {packageRoot} from '../src/lib/assets.ts'
import {testKernel} from '../test/lab/kernel.ts'
import type {Row} from './subject.ts'
import {bestOf} from './timing.ts'

const SETTLE_MS = 100

/**
 * What launching through isolctl costs, compared with taskset and chrt in the same run. It needs
 * two CPUs: it runs `true` many times on the second CPU, and then a poll loop in the lab.
 */
export async function launchCosts(): Promise<readonly Row[]> {
  if (availableParallelism() < 2) throw new Error('this benchmark needs two CPUs')
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
  const times = await bestOf(
    40,
    named.map(([, command]) => command),
  )
  const [, bare = Number.NaN] = times
  return [
    ...named.map(([what], index): Row => {
      const value = times[index] ?? Number.NaN
      const ratio = `${((value - bare) * 1000).toFixed(1)} ms over taskset and chrt`
      return {what, value, unit: 's', ...(index > 1 ? {ratio} : {})}
    }),
    ...(await settleTimes()).map(
      (value): Row => ({
        what: 'until isolated, lab',
        value,
        unit: 's',
        ratio: `from exec; includes the settle time of ${SETTLE_MS} ms twice`,
      }),
    ),
  ]
}

/**
 * Runs in the lab, because this needs the patched kernel. An emulated machine takes longer than a
 * real one.
 */
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
