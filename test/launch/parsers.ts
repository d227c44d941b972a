// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {breakHelp, breakSentence} from '../../src/model/break-words.ts'
import {parseIsolationRecord} from '../../src/model/isolation-record.ts'
import type {Workshop} from './compile.ts'

/** [what, text, what the parsers of native/lib make of it], for fixtures/parsers.c. */
export const PARSED: readonly (readonly [what: string, text: string, parsed: string])[] = [
  ...['cpulist', 'header'].flatMap((what) => [
    [what, '0', '0'] as const,
    [what, '0-1,8', '0 1 8'] as const,
    [what, '3,1-2,2', '1 2 3'] as const,
    [what, '1023', '1023'] as const,
    ...['', ',', '1,', ',1', '1-', '-1', '3-2', '1--2', '2-+3', ' 1', '1 ', '0x1', '1:2', '1-3/2'].map(
      (text) => [what, text, 'none'] as const,
    ),
    ...['8192', '0-8192', '18446744073709551616', '18446744073709551617', '9'.repeat(100)].map(
      (text) => [what, text, 'none'] as const,
    ),
  ]),
  ['cpulist', '1024', 'none'],
  ['cpulist', '0,1024', 'none'],
  ['header', '8191', '8191'],
  ['number', '1', '1'],
  ['number', '99', '99'],
  ['number', '099', '99'],
  ...['', '0', '100', '-1', '+1', ' 1', '1 ', '1x', '0x1', '18446744073709551617'].map(
    (text) => ['number', text, 'none'] as const,
  ),
  ['stat', `7 (a name) S ${numbers(4, 22)}`, '22'],
  ['stat', `7 (") S 1) ) S ${numbers(4, 22)}`, '22'],
  ['stat', `7 (short) S ${numbers(4, 21)}`, 'none'],
  ['stat', '7 (', 'none'],
  ['stat', '', 'none'],
  ['deferred', 'text=12 tlb=3', '12 3'],
  ['deferred', 'text=0 tlb=18446744073709551615', '0 18446744073709551615'],
  ['deferred', 'tlb=3', '0 3'],
  ['deferred', 'nobody', '0 0'],
  ['deferred', '', '0 0'],
]

function numbers(from: number, to: number): string {
  return Array.from({length: to - from + 1}, (_, index) => from + index).join(' ')
}

/** What fixtures/parsers.c prints for them. */
export async function parsed(program: string): Promise<readonly string[]> {
  const input = PARSED.map(([what, text]) => `${what} ${text}\n`).join('')
  const {stdout} = await execa(program, [], {input})
  return stdout.split('\n').map((line) => line.trim())
}

const record = (cause: string, data: string, more = '') =>
  `state:\tlost\nflags:\t0x1\nsignal:\t9\ncpu:\t3\ncause:\t${cause}\ndata:\t${data}\ntime_ns:\t1\nduration_ns:\t2\n` +
  `eagain:\tnone\nstarts:\t1\neagains:\t0\nbreaks:\t1\n${more}`

/** The causes of native/include/task_isolation.h, and one of a later kernel. */
const CAUSES =
  'none syscall page_fault exception irq ipi tick nmi signal sched hotplug prctl exit unknown external later'.split(
    ' ',
  )
const DATA = [
  ...[
    '0x0',
    '0x1',
    '0x2',
    '0x9',
    '0xa',
    '0xd',
    '0x22',
    '0xe4',
    '0xff',
    '0x100',
    '0xfff',
    '0x1000',
    '0x10000',
  ],
  ...['0x100fd', '0x100ff', '0x10100', '0x7f0000001000', '0xffffffffffffffff', '7', 'x', ''],
]
const SENDERS = [
  '',
  'sender:\tcpu=0 pid=77 func=flush_tlb_func site=on_each_cpu_cond_mask+0x24/0x40 comm=my app\nsteal_ns:\t0\n',
  'sender:\tcpu=1 pid=9 site=resched_curr comm=sh\n',
  'sender:\tcpu=1 pid=9 func=do_sync_core site=on_each_cpu_cond_mask comm=rmmod\n',
  'sender:\tcpu=1 pid=9 func=do_flush_tlb_all site=on_each_cpu_cond_mask comm=rmmod2\n',
  'sender:\tcpu=1 pid=9 func=nohz_full_kick_func site=x comm=cpuhp/1\n',
  'sender:\tcpu=1 pid=9 func=nohz_full_kick_func site=x comm=bash\nintruder:\tpid=68 comm=kworker/3:1\n',
  'sender:\tcpu=1 pid=9 site=wakeup_preempt comm=bash\nintruder:\tpid=39 comm=migration/3\n',
  'sender:\tcpu=1 pid=9 site=smp_call_function comm=func=perf site=ptrace\n',
  'sender:\tcpu=1 comm=pid=9\n',
  'sender:\tcpu=-1 pid=9 comm=x\n',
  'sender:\tcpu=1 pid=9\n',
  'sender:\tnobody\n',
  'sender:\n',
  'intruder:\tpid=77 comm=stray\n',
  'intruder:\tpid=77 comm=\n',
  'intruder:\tpid=0 comm=x\n',
  'intruder:\tsomebody\nsender:\tcpu=0 pid=7 site=ttwu comm=waker',
]

/** Every cause with all kinds of data and senders, and what is no record. */
export const RECORDS: readonly string[] = [
  ...CAUSES.flatMap((cause) =>
    DATA.flatMap((data) => SENDERS.map((more) => record(cause, data, more.replace(/\n?$/, '\n')))),
  ),
  ...[
    'state',
    'state:',
    'cause:',
    'cause:\n\n\n',
    ':\n:\n',
    '\n',
    'cpu:\t-1\ncause:\tsyscall',
    'sender:\tcomm=',
  ],
]

/** [sentence, help] of each record, as isol-reporter says it (fixtures/words.c). */
export async function saidInC(program: string): Promise<readonly (readonly [string, string])[]> {
  const {stdout} = await execa(program, [], {input: RECORDS.map((text) => `${text}\0`).join('')})
  const lines = stdout.split('\n')
  return RECORDS.map((_, index) => [lines[2 * index] ?? '', lines[2 * index + 1] ?? ''])
}

/** The same as status and preflight say it. */
export const saidHere = (): readonly (readonly [string, string])[] =>
  RECORDS.map((text) => {
    const found = parseIsolationRecord(text)
    return [breakSentence(found), breakHelp(found)]
  })

export const fixture = (shop: Workshop, name: string): Promise<string> =>
  shop.compile(`test/launch/fixtures/${name}.c`, name)
