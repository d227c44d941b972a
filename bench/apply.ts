// SPDX-License-Identifier: MIT
import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import type {Host} from '../src/host/host.ts'
import {rooted} from '../src/host/rooted.ts'
import {CpuSet} from '../src/model/cpuset.ts'
import {inForce} from '../src/model/journal.ts'
import {apply} from '../src/plan/apply.ts'
import {changeCount, makePlan} from '../src/plan/plan.ts'
import {chooseSteps} from '../src/plan/registry.ts'
import {session} from '../src/plan/session.ts'
import {deltasOf, undo} from '../src/plan/undo.ts'
import {LARGE, largeFiles} from '../test/support/large.ts'
import type {Row} from './subject.ts'

/**
 * How long it takes to plan, apply and undo all ordinary steps on 512 CPUs with 4096 interrupts.
 * The files are real files in memory. The journal is a real file too, with its fsyncs, on the disk
 * of the temporary directory. The time that the kernel needs to move an interrupt is not included.
 */
export async function largeApply(): Promise<readonly Row[]> {
  // In memory, as procfs is; only the journal is on a disk.
  const memory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const root = mkdtempSync(join(memory, 'isolctl-bench-'))
  const state = mkdtempSync(join(tmpdir(), 'isolctl-bench-'))
  try {
    for (const [path, text] of Object.entries(largeFiles())) {
      mkdirSync(dirname(join(root, path)), {recursive: true})
      writeFileSync(join(root, path), text)
    }
    const host = onDirectory(root)
    const terms = {clock: () => new Date().toISOString(), isolctl: '0', stateDirectory: state}
    const settings = {
      isolated: CpuSet.parse(LARGE.isolated),
      housekeeping: CpuSet.parse(LARGE.housekeeping),
      policy: {kind: 'other'},
      windowMs: 1000,
    } as const
    const [plan, planned] = await timed(() => makePlan(host, {settings, ...chooseSteps({})}))
    const [applied, events] = await timed(() =>
      session(host, terms, (options) => Array.fromAsync(apply(planned, options))),
    )
    const end = events.at(-1)
    if (end?.type !== 'end' || end.outcome.status !== 'applied')
      throw new Error('apply did not apply the plan')
    const [undone] = await timed(() =>
      session(host, terms, ({journal, ...rest}) =>
        Array.fromAsync(undo(deltasOf(inForce(journal.entries, rest.bootId)), {journal, ...rest})),
      ),
    )
    const ratio = `${changeCount(planned)} changes`
    return Object.entries({plan, apply: applied, undo: undone}).map(([what, value]) => ({
      what: `${what}, 512 CPUs, 4096 IRQs`,
      value,
      unit: 's',
      ratio,
    }))
  } finally {
    for (const folder of [root, state]) rmSync(folder, {recursive: true})
  }
}

async function timed<T>(body: () => Promise<T>): Promise<readonly [seconds: number, result: T]> {
  const start = performance.now()
  const result = await body()
  return [(performance.now() - start) / 1000, result]
}

/** Writes as the local host does, but below a directory. */
function onDirectory(root: string): Host {
  const nothing = async () => {
    throw new Error('not in a benchmark')
  }
  return {
    ...rooted(root),
    async set(path, value) {
      const file = openSync(join(root, path), 'r+')
      // A regular file keeps the rest of a longer value; a file of the kernel does not.
      ftruncateSync(file)
      writeSync(file, value)
      closeSync(file)
    },
    writeFile: nothing,
    makeFolder: nothing,
    setAffinity: nothing,
    checkpoint: nothing,
    run: nothing,
  }
}
