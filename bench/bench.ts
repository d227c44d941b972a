// SPDX-License-Identifier: MIT
/**
 * What things cost, compared in one run:
 *
 *   npm run bench                 start-up, apply on a large machine, the quick check, the warm demo
 *   npm run bench -- --apply      apply on a large machine, and nothing else
 *   npm run bench -- --launch     what launching costs, against taskset and chrt, and nothing else
 *   npm run bench -- --look       start-up and preflight of a large machine, and nothing else
 *   npm run bench -- --tuned      preflight beside tuned and tuna in the lab, and nothing else
 *   npm run bench -- --kernel     and a kernel build from nothing, ours against bare make (twice a cold build)
 *   npm run bench:build [-- --kconfig FILE]    a kernel package from nothing, ours against bare make bindeb-pkg, and nothing else
 *
 * Nothing here passes or fails: machines are noisy. Ratios travel between machines, seconds do not.
 */
import {cpus} from 'node:os'
import {parseArgs} from 'node:util'
import {execa} from 'execa'
import {timeLargeApply} from './apply.ts'
import {compareKernelBuilds} from './kernel-build.ts'
import {launchCosts} from './launch.ts'
import {comparePackageBuilds} from './package-build.ts'
import {lookAtLargeMachine, type Row} from './preflight.ts'
import {compareWithTuned} from './tuned.ts'

const {values} = parseArgs({
  options: {
    kernel: {type: 'boolean', default: false},
    apply: {type: 'boolean', default: false},
    launch: {type: 'boolean', default: false},
    look: {type: 'boolean', default: false},
    tuned: {type: 'boolean', default: false},
    build: {type: 'boolean', default: false},
    kconfig: {type: 'string'},
  },
})

const rows: Row[] = []

const all = !(values.apply || values.launch || values.look || values.tuned || values.build)
if (values.build) await timePackages()
if (values.tuned) rows.push(...(await compareWithTuned()))
if (values.look || all) await timeLooking()
if (values.apply || all) await timeApplying()
if (values.launch || all) rows.push(...(await launchCosts()))
if (all) await timeTheRest()

process.stdout.write(`${cpus().length} CPUs, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}\n`)
for (const {what, seconds, ratio = ''} of rows)
  process.stdout.write(`${what.padEnd(52)} ${seconds.toFixed(2).padStart(8)} s   ${ratio}\n`)

async function timeApplying(): Promise<void> {
  const large = await timeLargeApply()
  for (const what of ['plan', 'apply', 'undo'] as const)
    rows.push({
      what: `${what}, 512 CPUs, 4096 IRQs`,
      seconds: large[what],
      ratio: `${large.changes} changes`,
    })
}

async function timePackages(): Promise<void> {
  const {ours, bare, again} = await comparePackageBuilds(values.kconfig)
  rows.push({what: 'make bindeb-pkg, cold', seconds: bare})
  rows.push({
    what: 'isolctl kernel build',
    seconds: ours,
    ratio: `${((ours / bare - 1) * 100).toFixed(1)} % over bare make`,
  })
  rows.push({what: 'the same with nothing changed', seconds: again})
}

async function timeLooking(): Promise<void> {
  const [node, version] = await alternate(['node', '-e', '0'], ['node', 'bin/run.js', '--version'])
  rows.push({
    what: 'isolctl --version',
    seconds: version,
    ratio: `${(version / node).toFixed(1)} x node -e 0`,
  })
  rows.push(...(await lookAtLargeMachine()))
}

async function timeTheRest(): Promise<void> {
  rows.push({what: 'npm run check', seconds: await timed(['npm', 'run', '--silent', 'check'])})
  // The first demo builds the kernel where it is not in the cache yet; the second one is what a user sees from then on.
  await timed(['npm', 'run', '--silent', 'demo'])
  rows.push({what: 'npm run demo, warm', seconds: await timed(['npm', 'run', '--silent', 'demo'])})
  if (values.kernel) {
    const {bare, ours} = await compareKernelBuilds()
    rows.push({what: 'make bzImage, cold', seconds: bare})
    rows.push({
      what: 'the same through isolctl',
      seconds: ours,
      ratio: `${((ours / bare - 1) * 100).toFixed(1)} % over bare make`,
    })
  }
}

/** Wall seconds of one run. Throws when it fails. */
async function timed([file = '', ...args]: readonly string[]): Promise<number> {
  const start = performance.now()
  await execa(file, args, {stdin: 'ignore'})
  return (performance.now() - start) / 1000
}

/** The best of several runs each, taken in turns, so that a busy moment hits both. */
async function alternate(a: readonly string[], b: readonly string[]): Promise<readonly [number, number]> {
  let best: readonly [number, number] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
  for (let run = 0; run < 10; run++)
    best = [Math.min(best[0], await timed(a)), Math.min(best[1], await timed(b))]
  return best
}
