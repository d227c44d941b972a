// SPDX-License-Identifier: MIT
import {describe, expect, it, test, vi} from 'vitest'
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

interface Machine {
  /** undefined: it has ended. */
  readonly program: number | undefined
  readonly reporter: number
  /** Of the file. */
  readonly owner?: number
  readonly links?: Readonly<Record<string, string>>
}

/** A program of this user with the process id 70, and process 80 with that on its standard output. */
const machine = (text: string, {program, reporter, owner = reporter, links = {}}: Machine) => ({
  ...memoryHost({
    ...(program === undefined ? {} : {'/proc/70/status': user(program)}),
    '/proc/80/status': user(reporter),
    '/proc/80/fd/1': text,
  }),
  link: async (path: string) =>
    path === '/proc/80/fd/1' ? '/memfd:isolctl-report (deleted)' : (links[path] ?? 'pid:[1]'),
  owned: async () => ({bytes: Buffer.from(text), owner}),
})

describe('the present report of a launch', () => {
  test.for([
    ['of root', 1000, 0],
    ['of the same user', 1000, 1000],
  ] as const)('is taken from a reporter %s', async ([, program, reporter]) => {
    expect(await presentReport(machine(report(80), {program, reporter}), 70)).toMatchObject({
      report: {pid: 70},
      owner: reporter,
    })
  })
  test.for([
    ['of another user', report(80), 1000, 1001],
    ['of another user, about a program of root', report(80), 0, 1001],
    ['that has copied the report of another process', report(81), 1000, 1000],
    ['that writes no JSON', '{', 0, 0],
  ] as const)('is not taken from a process %s', async ([, text, program, reporter]) => {
    expect(await presentReport(machine(text, {program, reporter}), 70)).toBeUndefined()
  })
  it('is not taken from a program of root that somebody started with his own file', async () => {
    const host = machine(report(80), {program: 0, reporter: 0, owner: 1000})
    expect(await presentReport(host, 70)).toBeUndefined()
  })
  it("is not taken from a user's process that has got the file of root", async () => {
    const host = machine(report(80), {program: 1000, reporter: 1000, owner: 0})
    expect(await presentReport(host, 70)).toBeUndefined()
  })
  it('is not taken from root in a container, where other processes have these numbers', async () => {
    const links = {'/proc/80/ns/pid': 'pid:[2]'}
    expect(await presentReport(machine(report(80), {program: 0, reporter: 0, links}), 70)).toBeUndefined()
  })
  it('is found by the user who launched the program, also when that has ended', async () => {
    vi.spyOn(process, 'getuid').mockReturnValue(1000)
    const ended = (reporter: number) => machine(report(80), {program: undefined, reporter})
    expect(await presentReport(ended(1000), 70)).toMatchObject({owner: 1000})
    expect(await presentReport(ended(1001), 70)).toBeUndefined()
    vi.restoreAllMocks()
  })
  it('is read once more when it was replaced meanwhile', async () => {
    const host = machine(report(80), {program: 0, reporter: 0})
    let reads = 0
    const owned = async () => ({
      bytes: Buffer.from(reads++ === 0 ? report(80).slice(9) : report(80)),
      owner: 0,
    })
    expect(await presentReport({...host, owned}, 70)).toMatchObject({report: {pid: 70}})
    expect(reads).toBe(2)
  })
})
