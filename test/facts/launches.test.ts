// SPDX-License-Identifier: MIT
import {describe, expect, it, test} from 'vitest'
import {presentReport} from '../../src/facts/launches.ts'
import {memoryHost} from '../../src/host/memory.ts'

const report = (reporter: number) =>
  JSON.stringify({
    schema: 'isolctl.launch/1',
    program: 'feed',
    pid: 70,
    cpus: '3',
    reporter: {pid: reporter, start: '1', writtenMs: 1},
    ended: false,
    ready: true,
    durationMs: 1,
    isolated: true,
    starts: 1,
    breakCount: 0,
    threads: [],
    waiting: [],
    breaks: [],
  })
const user = (uid: number) => `Name:\tx\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`

/** A program of this user with the process id 70, and process 80 with that on its standard output. */
const machine = (text: string, {program, reporter}: {program: number; reporter: number}) => ({
  ...memoryHost({
    '/proc/70/status': user(program),
    '/proc/80/status': user(reporter),
    '/proc/80/fd/1': text,
  }),
  link: async (path: string) => (path === '/proc/80/fd/1' ? '/memfd:isolctl-report (deleted)' : undefined),
})

describe('the present report of a launch', () => {
  test.for([
    ['of root', 1000, 0],
    ['of the same user', 1000, 1000],
  ] as const)('is taken from a reporter %s', async ([, program, reporter]) => {
    expect(await presentReport(machine(report(80), {program, reporter}), 70)).toMatchObject({pid: 70})
  })
  test.for([
    ['of another user', report(80), 1000, 1001],
    ['of another user, about a program of root', report(80), 0, 1001],
    ['that has copied the report of another process', report(81), 1000, 1000],
    ['that writes no JSON', '{', 0, 0],
  ] as const)('is not taken from a process %s', async ([, text, program, reporter]) => {
    expect(await presentReport(machine(text, {program, reporter}), 70)).toBeUndefined()
  })
  it('is read once more when it was replaced meanwhile', async () => {
    const host = machine(report(80), {program: 0, reporter: 0})
    let reads = 0
    const bytes = async () => Buffer.from(reads++ === 0 ? report(80).slice(9) : report(80))
    expect(await presentReport({...host, bytes}, 70)).toMatchObject({pid: 70})
    expect(reads).toBe(2)
  })
})
