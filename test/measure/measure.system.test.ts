// SPDX-License-Identifier: MIT
import {mkdtemp, readFile, rm, stat} from 'node:fs/promises'
import {availableParallelism, tmpdir} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {execa} from 'execa'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {type MeasureReport, MeasureSchema} from '../../src/schema/measure.ts'

/**
 * Real spinners on CPU 1 of the running kernel, which is not isolated: other gaps than the injected
 * ones are expected. The injected ones are long, and are found by their time.
 */
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
})
afterEach(() => rm(folder, {recursive: true, force: true}))

/** From a signal to its effect. */
const SLACK_NS = 50_000_000

const run = () => join(folder, 'run.json')

function start(...flags: readonly string[]) {
  const options = {cwd: packageRoot, reject: false, stdin: 'ignore'} as const
  const args = ['bin/dev.js', 'measure', '--cpus', '1', '--threshold', '1ms', '-o', run(), ...flags]
  return execa(process.execPath, args, options)
}

/** Waits until the journal has this many intervals, and returns the id of the spinner. */
async function intervals(count: number, child: ReturnType<typeof start>): Promise<number> {
  const ended = new AbortController()
  const gone = child.finally(() => ended.abort())
  for (;;) {
    const text = await readFile(`${run()}.journal`, 'utf8').catch(() => '')
    if (text.split('\n').length > count + 1) break
    if (ended.signal.aborted) throw new Error(`the measurement ended early: ${(await gone).stderr}`)
    await sleep(50)
  }
  const {stdout} = await execa('pgrep', ['-P', `${child.pid}`, 'isol-spin'])
  return Number(stdout.trim())
}

const report = async (): Promise<MeasureReport> =>
  MeasureSchema.parse(JSON.parse(await readFile(run(), 'utf8')))

describe.runIf(availableParallelism() > 1)('isolctl measure', () => {
  test('sees that another task shares the CPU', async () => {
    const child = start('--for', '6s', '--fail-over', '1ms')
    await intervals(1, child)
    const rival = execa('taskset', ['-c', '1', 'sh', '-c', 'while :; do :; done'], {reject: false})
    await sleep(2000)
    rival.kill('SIGKILL')
    await rival
    const {exitCode} = await child
    const {cpus, verdict} = await report()
    expect({exitCode, verdict}).toEqual({exitCode: 1, verdict: 'over'})
    expect(cpus[0]?.causes.map(({id}) => id)).toContain('other-task')
    expect(cpus[0]?.waitedNs).toBeGreaterThan(5e8)
    expect(cpus[0]?.switches).toBeGreaterThan(10)
  })

  test('sees the whole time of a stop, which is longer than an interval', async () => {
    const child = start('--for', '6s', '--fail-over', '1000ms')
    const spinner = await intervals(1, child)
    const from = performance.now()
    process.kill(spinner, 'SIGSTOP')
    const stopped = performance.now()
    await sleep(2500)
    const resumed = performance.now()
    process.kill(spinner, 'SIGCONT')
    const until = performance.now()
    await child
    const {cpus, verdict} = await report()
    expect(verdict).toBe('over')
    const {worst = [], maxNs = 0, waitedNs = 0, stealMs = 0} = cpus[0] ?? {}
    expect(worst.filter(({ns}) => ns > 1e9).map(({ns}) => ns)).toEqual([maxNs])
    expect(maxNs).toBeGreaterThan((resumed - stopped) * 1e6 - SLACK_NS)
    // Afterwards the spinner may have to wait for its CPU.
    expect(maxNs).toBeLessThan((until - from) * 1e6 + waitedNs + stealMs * 1e6 + SLACK_NS)
  })

  test('ends early on Ctrl-C, and keeps the result', async () => {
    const child = start('--for', '1h')
    await intervals(2, child)
    child.kill('SIGINT')
    const {exitCode} = await child
    const {cut, measuredMs, verdict, asked} = await report()
    expect({exitCode, cut, verdict, ms: asked.ms}).toEqual({
      exitCode: 0,
      cut: 'interrupted',
      verdict: 'ok',
      ms: 3_600_000,
    })
    expect(measuredMs).toBeGreaterThan(1900)
    await expect(stat(`${run()}.journal`)).rejects.toThrow('ENOENT')
  })

  test('leaves a journal when it is killed, from which the result is read', async () => {
    const child = start('--for', '1h')
    await intervals(2, child)
    child.kill('SIGKILL')
    await child
    const again = await start('--for', '2s')
    expect(again.exitCode).toBe(69)
    expect(again.stderr).toContain('journal exists: a run did not end')
    const args = ['bin/dev.js', 'measure', '--recover', `${run()}.journal`, '-o', run()]
    const {exitCode} = await execa(process.execPath, args, {cwd: packageRoot, reject: false})
    const {cut, measuredMs, verdict} = await report()
    expect({exitCode, cut, verdict}).toEqual({exitCode: 0, cut: 'recovered', verdict: 'ok'})
    expect(measuredMs).toBeGreaterThan(1900)
  })

  test('does not know what it did not see: its spinner was killed', async () => {
    const child = start('--for', '5s')
    process.kill(await intervals(1, child), 'SIGKILL')
    const {exitCode} = await child
    const {verdict, unknown} = await report()
    expect({exitCode, verdict}).toEqual({exitCode: 3, verdict: 'unknown'})
    expect(unknown.join('\n')).toContain('CPU 1: the spinner ended before the run did')
  })

  test('does not know what it did not see: the CPU was taken away', async () => {
    const child = start('--for', '5s')
    const spinner = await intervals(1, child)
    await execa('taskset', ['-p', '-c', '0', `${spinner}`])
    await child
    const {verdict, unknown} = await report()
    expect(verdict).toBe('unknown')
    expect(unknown.join('\n')).toContain('CPU 1 was taken away: its spinner was found on CPU 0')
  })
})
