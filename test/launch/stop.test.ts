// SPDX-License-Identifier: MIT
import {constants} from 'node:os'
import {describe, expect, it, test} from 'vitest'
import {hasEnded, isWorker, outcome, threatened} from '../../src/launch/stop.ts'
import {parseIsolationRecord} from '../../src/model/isolation-record.ts'

const record = (state: string, {breaks = 0, cause = 'none', grace = 5} = {}) =>
  parseIsolationRecord(
    `state:\t${state}\nflags:\t0x${((grace << 16) | 1).toString(16)}\nsignal:\t9\ncpu:\t3\ncause:\t${cause}\ndata:\t0x1\n` +
      `eagain:\tnone\nstarts:\t1\neagains:\t0\nbreaks:\t${breaks}\n`,
  )

describe('stop', () => {
  test.for([
    ['R', 2, false],
    ['Z', 1, true],
    ['Z', 3, false], // the main thread called pthread_exit
    ['X', 1, true],
    ['S', 1, false],
  ] as const)('and a process in the state %s with %i threads', ([state, threads, expected]) => {
    const between = Array.from({length: 16}, () => '0').join(' ')
    expect(hasEnded(`7 (a) Z name) ${state} ${between} ${threads} 0 1234`)).toBe(expected)
  })
  test.for([
    ['isolated', true],
    ['leaving', true],
    ['lost', false],
    ['off', false],
  ] as const)('and a thread in the state %s', ([state, expected]) => {
    expect(isWorker(record(state))).toBe(expected)
  })
  const {SIGTERM, SIGHUP, SIGKILL} = constants.signals
  it('warns of signals that do not tell a program to end, and of a program without time', () => {
    expect(threatened(record('isolated'), SIGTERM)).toEqual([])
    expect(threatened(record('isolated'), SIGKILL)).toEqual([])
    expect(threatened(record('isolated'), SIGHUP)).toEqual([
      'SIGHUP does not tell a program to end: it has 5 s',
    ])
    expect(threatened(record('isolated', {grace: 0}), SIGTERM)).toEqual([
      expect.stringContaining('without time to end'),
    ])
    expect(threatened({...record('isolated', {grace: 0}), signal: 0}, SIGTERM)).toEqual([])
  })
  test.for([
    ['off', 'exit', false, 'ended'],
    ['off', 'syscall', true, 'ended'],
    ['off', 'syscall', false, 'off'], // it was leaving, asked again, and lives
    ['isolated', 'none', false, 'isolated'],
    ['leaving', 'syscall', false, 'leaving'],
  ] as const)('finds that a thread %s by %s, process ended: %s, is %s', ([state, cause, ended, expected]) => {
    expect(outcome(record('isolated'), record(state, {cause}), ended)).toEqual({state: expected})
  })
  it('names the break of a thread that lost isolation', () => {
    const after = record('lost', {breaks: 1, cause: 'syscall'})
    expect(outcome(record('leaving', {cause: 'syscall'}), after, true)).toEqual({
      state: 'lost',
      lost: {message: 'system call write (1)', help: expect.anything()},
    })
  })
})
