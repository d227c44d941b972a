// SPDX-License-Identifier: MIT
import {describe, expect, it} from 'vitest'
import {gatherer} from '../../src/facts/fact.ts'
import {isolatedThreads} from '../../src/facts/isolation.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {isolationReport, renderIsolation} from '../../src/report/isolation.ts'

const record = (state: string, counters: string, cause = 'none') =>
  `state:\t${state}\nflags:\t0x1\nsignal:\t9\ncpu:\t3\ncause:\t${cause}\ndata:\t0x1\ntime_ns:\t7\nduration_ns:\t1500000000\neagain:\tnone\n${counters}`
const thread = (pid: number, name: string, allowed: string, text?: string) => ({
  [`/proc/${pid}/task/${pid}/status`]: `Name:\t${name}\nCpus_allowed_list:\t${allowed}\nvoluntary_ctxt_switches:\t1\nnonvoluntary_ctxt_switches:\t1\n`,
  ...(text === undefined ? {} : {[`/proc/${pid}/task/${pid}/task_isolation`]: text}),
})
const machine = {
  '/sys/devices/system/cpu/task_isolation': '2-3\n',
  ...thread(1, 'init', '0-3', record('off', 'starts:\t9\n')), // never requested isolation: it is not bound to one CPU
  ...thread(10, 'feed', '3', record('isolated', 'starts:\t1\neagains:\t2\nbreaks:\t0\n')),
  ...thread(11, 'slip', '2', record('lost', 'starts:\t3\neagains:\t0\nbreaks:\t3\n', 'syscall')),
  ...thread(12, 'kworker/3:0', '3', record('off', 'starts:\t0\neagains:\t0\nbreaks:\t0\n')),
  ...thread(13, 'gone', '3'),
}

describe('isolated threads', () => {
  it("are those that entered or tried to, with the kernel's counters", async () => {
    const found = await gatherer(memoryHost(machine))(isolatedThreads)
    expect(found).toEqual([
      {
        pid: 10,
        tid: 10,
        name: 'feed',
        record: expect.objectContaining({cpu: 3, state: 'isolated', starts: 1, refusals: 2}),
      },
      {
        pid: 11,
        tid: 11,
        name: 'slip',
        record: expect.objectContaining({state: 'lost', breaks: 3, cause: 'syscall'}),
      },
    ])
    expect(renderIsolation(found ?? [])).toBe(
      '\n  CPU 3  feed[10]  isolated  1 start   0 breaks  2 refusals\n' +
        '  CPU 3  slip[11]  lost      3 starts  3 breaks  0 refusals\n' +
        '    last, after 1.500 s: system call write (1)\n' +
        '    help: keep system calls out of the isolated loop: hand output to a thread on a housekeeping CPU\n',
    )
    expect(isolationReport(found ?? [])[1]).toEqual({
      ...{pid: 11, tid: 11, name: 'slip', cpu: 3, state: 'lost', starts: 3, refusals: 0, breaks: 3},
      ...{lastCause: 'syscall', lastDurationNs: 1_500_000_000},
    })
  })
  it('do not exist on a stock kernel', async () => {
    const stock = {...machine, '/sys/devices/system/cpu/isolated': '\n'}
    const {'/sys/devices/system/cpu/task_isolation': _, ...rest} = stock
    const live = Object.assign(memoryHost(rest), {live: {}})
    expect(await gatherer(live as never)(isolatedThreads)).toBeUndefined()
  })
})
