// SPDX-License-Identifier: MIT
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import process from 'node:process'
import {onlineOrDerived} from '../src/facts/derived-cpus.ts'
import {gatherer} from '../src/facts/fact.ts'
import {captured} from '../src/host/captured.ts'
import type {HostView} from '../src/host/host.ts'
import {packageRoot} from '../src/lib/assets.ts'
import {CpuSet} from '../src/model/cpuset.ts'
import {ablate} from '../test/support/ablation.ts'
import {givens} from '../test/support/machine.ts'
import type {Row} from './subject.ts'

/** Folders of captures: archives of `isolctl capture`, and trees, which must be unpacked. */
const PLACES = [join(packageRoot, 'test/hosts/lab'), process.env['ISOLCTL_TREES']]

/**
 * Remove, empty or damage every file of every captured machine, one at a time, for two sets of
 * isolated CPUs and both policies. A violation is printed, and counts.
 */
export async function ablation(): Promise<readonly Row[]> {
  let [runs, violations] = [0, 0]
  for (const folder of PLACES)
    for (const name of folder === undefined ? [] : await readdir(folder))
      for (const over of await targets(captured(join(folder ?? '', name)))) {
        const found = await ablate(captured(join(folder ?? '', name)), givens(over, {spin: false}))
        runs += found.runs
        violations += found.violations.length
        for (const each of found.violations) process.stderr.write(`${name}: ${JSON.stringify(each)}\n`)
      }
  return [
    {what: 'files removed, emptied or damaged', value: runs, unit: 'times'},
    {what: 'checks or steps that then have nothing to say', value: violations, unit: 'times'},
  ]
}

/** The last two online CPUs isolated, and the last half; each under both policies. */
async function targets(host: HostView) {
  const {cpus} = await gatherer(host)(onlineOrDerived)
  const all = [...cpus]
  return [all.slice(-2), all.slice(all.length / 2)].flatMap((some) => {
    const isolated = CpuSet.from(some)
    const sets = {isolated, housekeeping: cpus.minus(isolated)}
    return [
      {...sets, policy: {kind: 'other'} as const},
      {...sets, policy: {kind: 'fifo', priority: 50} as const},
    ]
  })
}
