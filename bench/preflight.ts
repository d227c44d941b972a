// SPDX-License-Identifier: MIT
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {LARGE, writeLargeHost} from './large-host.ts'
import type {Row} from './subject.ts'

/** A quarter, a half, and the whole machine: the time must not grow faster than the machine. */
const PARTS = [4, 2, 1]
const TURNS = 5

/** Makes the process print its own CPU time and memory as the last line of standard error. */
const PRINT_USAGE = `data:text/javascript,${encodeURIComponent(`process.on('exit', () => {
  const {userCPUTime, systemCPUTime, maxRSS} = process.resourceUsage()
  console.error('took', userCPUTime + systemCPUTime, maxRSS)
})`)}`

/**
 * preflight of 1024 CPUs, 4096 interrupts and 50,000 threads, and of parts of that machine: the
 * best time of five runs, and the most memory of all of them.
 */
export async function largePreflight(): Promise<readonly Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-bench-'))
  try {
    const rows: Row[] = []
    for (const part of PARTS) {
      const size = {cpus: LARGE.cpus / part, irqs: LARGE.irqs / part, threads: LARGE.threads / part}
      const root = join(folder, `host-${part}`)
      const files = writeLargeHost(root, size)
      rows.push({what: `preflight of ${size.threads} threads`, unit: 's', ...(await look(root, files))})
    }
    return rows
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}

async function look(root: string, files: number): Promise<Pick<Row, 'value' | 'ratio'>> {
  const best = {seconds: Number.POSITIVE_INFINITY, cpu: Number.POSITIVE_INFINITY}
  let peak = 0
  for (let run = 0; run < TURNS; run++) {
    const start = performance.now()
    const {stderr} = await execa(
      'node',
      ['--import', PRINT_USAGE, 'bin/run.js', 'preflight', '--passive', '--root', root, '--quiet'],
      {reject: false}, // exit status 3: some checks of a generated machine are unknown
    )
    const seconds = (performance.now() - start) / 1000
    const [, microseconds, kib] = /^took (\d+) (\d+)$/m.exec(stderr) ?? []
    if (kib === undefined) throw new Error(`preflight did not judge the large machine: ${stderr}`)
    best.seconds = Math.min(best.seconds, seconds)
    best.cpu = Math.min(best.cpu, Number(microseconds) / 1e6)
    peak = Math.max(peak, Number(kib) / 1024)
  }
  return {
    value: best.seconds,
    ratio: `${best.cpu.toFixed(2)} s of CPU, ${peak.toFixed(0)} MiB at most, ${files} files`,
  }
}
