// SPDX-License-Identifier: MIT
import {once} from 'node:events'
import {execa} from 'execa'
import {describe, expect, it, test, vi} from 'vitest'
import {localHost} from '../../src/host/local.ts'
import {signalNumber, stopProgram} from '../../src/launch/stop.ts'
import {renderStop, stopExit} from '../../src/report/stop.ts'
import {type StopReport, StopSchema} from '../../src/schema/stop.ts'

vi.setConfig({testTimeout: 30_000})

const stop = (pid: number, options: {signal?: string; timeoutMs?: number} = {}) =>
  stopProgram(localHost(), {program: {pid}, signal: options.signal, timeoutMs: options.timeoutMs ?? 20_000})

/** A shell that has set its traps when this returns. */
async function shell(script: string) {
  const child = execa('sh', ['-c', `${script}; echo ready; while :; do sleep 0.1; done`], {
    reject: false,
    buffer: false,
  })
  await once(child.stdout, 'data')
  return {child, pid: child.pid ?? 0}
}

describe('stop', () => {
  it('sends SIGTERM, waits for the end, and loses no exit status', async () => {
    const {child, pid} = await shell("trap 'sleep 0.3; exit 7' TERM")
    const report = await stop(pid)
    expect(StopSchema.parse(report)).toMatchObject({
      pid,
      name: 'sh',
      signal: 'SIGTERM',
      ended: true,
      workers: [],
    })
    expect(report.waitedMs).toBeGreaterThanOrEqual(300)
    expect((await child).exitCode).toBe(7)
    expect(stopExit(report)).toBe(0)
    expect(renderStop(report)).toMatch(new RegExp(`^sh\\[${pid}\\] ended \\d+\\.\\d{3} s after SIGTERM\n$`))
  })
  it('sends another signal, and reports a program that does not end', async () => {
    const {child, pid} = await shell("trap '' INT")
    const report = await stop(pid, {signal: 'int', timeoutMs: 200})
    expect(report).toMatchObject({signal: 'SIGINT', ended: false})
    expect(stopExit(report)).toBe(1)
    expect(renderStop(report)).toContain('runs 0.')
    expect((await stop(pid, {signal: '9'})).signal).toBe('SIGKILL')
    expect((await child).signal).toBe('SIGKILL')
  })
  it('does not mistake a process that its parent has not asked about for one that runs', async () => {
    const parent = execa('bash', ['-c', 'sleep 60 & echo $!; exec sleep 60'], {reject: false, buffer: false})
    const [line] = await once(parent.stdout, 'data')
    expect(await stop(Number(`${line}`))).toMatchObject({ended: true})
    parent.kill('SIGKILL')
    await parent
  })
  it('refuses a process that does not exist', async () => {
    await expect(stop(2 ** 22 + 1)).rejects.toMatchObject({code: 'ESRCH', exit: 2, help: expect.anything()})
  })
  test.for([
    ['TERM', 15],
    ['sigint', 2],
    ['64', 64],
  ] as const)('knows the signal %s', ([text, number]) => {
    expect(signalNumber(text)).toBe(number)
  })
  test.for(['', '0', '65', 'FOO', 'toString'])('refuses the signal "%s"', (text) => {
    expect(() => signalNumber(text)).toThrow(`there is no signal "${text}"`)
  })
})

describe('the report of stop', () => {
  const report: StopReport = {
    schema: 'isolctl.stop/1',
    pid: 72,
    name: 'feed',
    signal: 'SIGHUP',
    ended: true,
    waitedMs: 1500,
    workers: [
      {tid: 73, name: 'rx', cpu: 2, state: 'ended'},
      {tid: 74, name: 'tx', cpu: 3, state: 'lost', lost: {message: 'system call write (1)', help: 'do not'}},
    ],
    notes: ['SIGHUP does not tell a program to end: it has 5 s'],
  }
  it('names each worker, and the break with its help', () => {
    expect(renderStop(report)).toBe(
      [
        'feed[72] ended 1.500 s after SIGHUP',
        '  CPU 2  rx[73]  ended',
        '  CPU 3  tx[74]  lost',
        '    system call write (1)',
        '    help: do not',
        'note: SIGHUP does not tell a program to end: it has 5 s',
        '',
      ].join('\n'),
    )
    expect(stopExit(report)).toBe(1)
  })
  it('says that a unit was not running, which is no failure: ExecStop= runs then as well', () => {
    const idle = {...report, pid: 0, unit: 'feed.service', workers: []}
    expect(renderStop(idle)).toBe('feed.service is not running\n')
    expect(stopExit(idle)).toBe(0)
  })
})
