// SPDX-License-Identifier: MIT
import {describe, expect, it, test} from 'vitest'
import type {Live} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {type StopOptions, stopProgram} from '../../src/launch/stop.ts'

const REPORTER = 90
const ROOT = 0
const USER = 1000

interface Fake {
  readonly start: number
  /** Real, effective, saved and file system user. */
  readonly users?: readonly number[]
  readonly ignores?: true
}

const failure = (code: string) => Object.assign(new Error(code), {code})

/**
 * A machine with the program 70, a reporter of `owner`, and `processes`. `listed` are the processes of the
 * report, with the start times that it has. `tasks` has the errno of each record that cannot be opened, and
 * `show` is what systemctl prints. `onEnd` changes them when a process has ended.
 */
function machine({
  owner = ROOT,
  program = {start: 700} as Fake | undefined,
  processes = {} as Record<number, Fake>,
  listed = [] as {pid: number; start?: number}[],
  report = {} as Record<string, unknown>,
  onEnd = (_pid: number, _machine: {listed: {pid: number; start?: number}[]}): void => {},
  refused = [] as readonly number[],
  tasks = {} as Record<string, string>,
  show = '',
}) {
  const host = memoryHost({'/proc/90/fd/1': '', ...tasks})
  const all = new Map<number, Fake>(Object.entries(processes).map(([pid, fake]) => [Number(pid), fake]))
  const add = (pid: number, {start, users = [owner, owner, owner, owner]}: Fake) => {
    host.files.set(`/proc/${pid}/stat`, `${pid} (p${pid}) S ${'0 '.repeat(16)}1 0 ${start} 0`)
    host.files.set(`/proc/${pid}/status`, `Name:\tp${pid}\nUid:\t${users.join('\t')}\n`)
  }
  if (program !== undefined) all.set(70, program)
  for (const [pid, fake] of all) add(pid, fake)
  add(REPORTER, {start: 900})
  const state = {listed, clock: 0}
  const told: (readonly [number, number])[] = []
  const live = {
    monotonicMs: () => state.clock,
    sleep: async (ms: number) => {
      state.clock += ms
    },
  } as Live
  const owned = async () => ({
    owner,
    bytes: Buffer.from(
      JSON.stringify({
        schema: 'isolctl.launch/1',
        program: 'feed',
        pid: 70,
        start: 700,
        cpus: '3',
        reporter: {pid: REPORTER, start: '900', writtenMs: 1},
        ...{ended: false, ready: true, durationMs: 1, isolated: true, starts: 1, breakCount: 0},
        threads: [],
        processes: state.listed.map((process) => ({...process, name: `p${process.pid}`})),
        breaks: [],
        ...report,
      }),
    ),
  })
  const link = async (path: string) =>
    path === '/proc/90/fd/1' ? '/memfd:isolctl-report (deleted)' : 'pid:[1]'
  const send = (pid: number, signal: number) => {
    if (refused.includes(pid)) throw failure('EPERM')
    told.push([pid, signal])
    if (all.get(pid)?.ignores) return
    host.files.delete(`/proc/${pid}/stat`)
    onEnd(pid, state)
  }
  const open = async (path: string) => {
    throw failure(tasks[path] ?? 'ENOENT')
  }
  const stop = async (options: Partial<StopOptions> = {}) =>
    await stopProgram(
      {...host, live, owned, link, run: async () => ({stdout: show})},
      {program: {pid: 70}, signal: undefined, timeoutMs: 5000, ...options},
      {send, open},
    )
  return {stop, told, add: (pid: number, fake: Fake) => add(pid, fake)}
}

const pids = (told: readonly (readonly [number, number])[]) => told.map(([pid]) => pid)

describe('stop, for the processes of a report', () => {
  it('tells the program, and what it leaves behind', async () => {
    const {stop, told} = machine({processes: {71: {start: 710}}, listed: [{pid: 71, start: 710}]})
    expect(await stop()).toMatchObject({ended: true, notes: []})
    expect(told).toEqual([
      [70, 15],
      [71, 15],
    ])
  })
  test.for([
    ['of another start time', {start: 711}],
    ['without a start time', {}],
  ] as const)('does not tell one %s', async ([, listed]) => {
    const {stop, told} = machine({processes: {71: {start: 710}}, listed: [{pid: 71, ...listed}]})
    await stop()
    expect(pids(told)).toEqual([70])
  })
  test.for([
    ['real', [ROOT, USER, USER, USER]],
    ['effective', [USER, ROOT, USER, USER]],
    ['saved', [USER, USER, ROOT, USER]],
  ] as const)('does not tell a process of another %s user that a user reports', async ([, users]) => {
    const processes = {71: {start: 710, users}, 72: {start: 720}}
    const listed = [
      {pid: 71, start: 710},
      {pid: 72, start: 720},
    ]
    const {stop, told} = machine({owner: USER, processes, listed})
    expect((await stop()).notes).toEqual(['p71[71] is not of the user of the report: it gets no signal'])
    expect(pids(told)).toEqual([70, 72])
  })
  it('tells a process of any user that root reports', async () => {
    const processes = {71: {start: 710, users: [USER, USER, USER, USER]}}
    const {stop, told} = machine({processes, listed: [{pid: 71, start: 710}]})
    await stop()
    expect(pids(told)).toEqual([70, 71])
  })
  test.for([
    ['says that the program has ended', {programEnded: true, start: 0}, 700],
    ['names another start time', {}, 701],
  ] as const)('does not tell a stranger with the number of the program: it %s', async ([, report, start]) => {
    const processes = {71: {start: 710}}
    const {stop, told} = machine({program: {start}, processes, listed: [{pid: 71, start: 710}], report})
    expect(await stop()).toMatchObject({name: 'feed', ended: true})
    expect(pids(told)).toEqual([71])
  })
  it.each([{ended: true}, {programEnded: true}])(
    'tells the program that has the start time of the report, which says %o',
    async (report) => {
      const {stop, told} = machine({report})
      expect(await stop()).toMatchObject({ended: true})
      expect(pids(told)).toEqual([70])
    },
  )
  it('tells the main process of a unit, whatever an earlier program with its number left', async () => {
    const processes = {71: {start: 710}}
    const {stop, told} = machine({
      program: {start: 701},
      processes,
      listed: [{pid: 71, start: 710}],
      show: 'LoadState=loaded\nMainPID=70\nKillSignal=2\n',
    })
    expect(await stop({program: {unit: 'feed.service'}})).toMatchObject({name: 'p70', ended: true})
    expect(told).toEqual([[70, 2]])
  })
  it('tells the program when its start time is not known', async () => {
    const {stop, told} = machine({report: {start: 0}})
    await stop()
    expect(pids(told)).toEqual([70])
  })
  it('tells nobody when only a stranger is left', async () => {
    const {stop, told} = machine({program: {start: 701}})
    await expect(stop()).rejects.toMatchObject({code: 'ESRCH'})
    expect(told).toEqual([])
  })
  it('tells the others when one may not be told', async () => {
    const processes = {71: {start: 710}, 72: {start: 720}, 73: {start: 730}}
    const listed = [71, 72, 73].map((pid) => ({pid, start: pid * 10}))
    const record = '/proc/72/task/72/task_isolation'
    const {stop, told} = machine({processes, listed, refused: [71], tasks: {[record]: 'EACCES'}})
    expect(await stop()).toMatchObject({
      ended: true,
      notes: [`p72: cannot read ${record}: EACCES`, 'p71: cannot send SIGTERM to process 71: EPERM'],
    })
    expect(pids(told)).toEqual([70, 72, 73])
  })
  it('fails when the program itself may not be told', async () => {
    await expect(machine({refused: [70]}).stop()).rejects.toMatchObject({code: 'EPERM'})
  })
  it('tells what the program started after the first look', async () => {
    const late = (pid: number, state: {listed: {pid: number; start?: number}[]}) => {
      if (pid > 72) return
      fake.add(pid + 1, {start: (pid + 1) * 10})
      state.listed = [{pid: pid + 1, start: (pid + 1) * 10}]
    }
    const fake = machine({onEnd: late})
    expect(await fake.stop()).toMatchObject({ended: true, waitedMs: 0})
    expect(pids(fake.told)).toEqual([70, 71, 72, 73])
  })
  it('reports one that does not end, and tells each once', async () => {
    const {stop, told} = machine({
      processes: {71: {start: 710, ignores: true}},
      listed: [{pid: 71, start: 710}],
    })
    expect(await stop()).toMatchObject({ended: false, waitedMs: 5000})
    expect(pids(told)).toEqual([70, 71])
  })
})
