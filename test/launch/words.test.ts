// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test, vi} from 'vitest'
import {breakHelp} from '../../src/model/break-words.ts'
import {parseIsolationRecord} from '../../src/model/isolation-record.ts'
import {type Workshop, workshop} from './compile.ts'
import {fixture, PARSED, parsed, saidHere, saidInC} from './parsers.ts'

vi.setConfig({testTimeout: 30_000, hookTimeout: 30_000}) // compilers, on machines that have other things to do

let shop: Workshop
let words: string
let parsers: string
beforeAll(async () => {
  shop = await workshop()
  words = await fixture(shop, 'words')
  parsers = await fixture(shop, 'parsers')
})
afterAll(() => shop[Symbol.asyncDispose]())

const say = async (input: string) => (await execa(words, [], {input})).stdout.split('\n')
const record = (cause: string, data: string) =>
  `state:\tlost\nflags:\t0x1\nsignal:\t9\ncpu:\t3\ncause:\t${cause}\ndata:\t${data}\ntime_ns:\t1\n`

describe('a break in words', () => {
  test.for([
    ['syscall', '0x1', 'system call write (1)', 'hand output to a thread on a housekeeping CPU'],
    ['syscall', '0xe4', 'system call clock_gettime (228)', 'clocksource is tsc'],
    ['syscall', '0xb', 'system call munmap (11)', 'GLIBC_TUNABLES'],
    ['syscall', '0x1ce', 'system call mseal (462)', 'keep system calls out'],
    ['syscall', '0x15f', 'system call unknown (351)', 'keep system calls out'],
    ['syscall', '0xffffffffffffffff', 'system call unknown (18446744073709551615)', 'keep system calls out'],
    ['page_fault', '0x7f0000001000', 'page fault at address 0x7f0000001000', 'map and touch all memory'],
    ['page_fault', '0x8', 'page fault at address 0x8 (a null pointer)', 'map and touch all memory'],
    ['exception', '0xd', 'exception 13 (general protection)', 'debugger'],
    ['signal', '0xa', 'signal SIGUSR1 was delivered to it', 'send no signals'],
    ['exception', '0xffffffffffffffff', 'an exception', 'debugger'],
    ['irq', '0x18', 'interrupt 24 (see /proc/interrupts)', 'irq-affinity'],
    ['irq', '0x100fd', 'interrupt, vector 0xfd', 'irq-affinity'],
    ['ipi', '0xfb', 'another CPU interrupted it (IPI, vector 0xfb)', 'keep both still'],
    ['tick', '0xec', 'timer interrupt', 'no timer may be pending'],
    ['hotplug', '0x2', 'CPU 2 was taken offline or online', 'leave CPUs online'],
    ['sched', '0x4d', 'another task ran on its CPU: pid 77', 'nothing else may run'],
    ['sched', '0x0', 'another task ran on its CPU', 'nothing else may run'],
    ['from_the_future', '0x7', 'from_the_future (0x7)', 'dmesg'],
    ['unknown', '0x0', 'the kernel could not tell why', 'dmesg'],
    [
      'external',
      '0x5',
      'something that its CPU does not see interrupted it (0x5)',
      'firmware settings for system management interrupts',
    ],
  ] as const)('%s %s', async ([cause, data, what, help]) => {
    const [sentence, advice] = await say(record(cause, data))
    expect(sentence).toBe(what)
    expect(advice).toContain(help)
  })
  it('names the task that interrupted it from another CPU, with the reason', async () => {
    const sender =
      'sender:\tcpu=0 pid=77 func=flush_tlb_func site=on_each_cpu_cond_mask+0x24/0x40 comm=my app\n'
    const [sentence, advice] = await say(`${record('ipi', '0xfb')}${sender}steal_ns:\t0\n`)
    expect(sentence).toBe(
      'another CPU interrupted it: CPU 0, my app[77], in on_each_cpu_cond_mask, to run flush_tlb_func',
    )
    expect(advice).toContain('GLIBC_TUNABLES')
    const [bare] = await say(`${record('ipi', '0xfd')}sender:\tcpu=1 pid=9 site=resched_curr comm=sh\n`)
    expect(bare).toBe('another CPU interrupted it: CPU 1, sh[9], in resched_curr')
    const [hidden] = await say(`${record('ipi', '0xfd')}sender:\tcpu=1 pid=9\n`)
    expect(hidden).toBe("another CPU interrupted it: CPU 1, another user's task[9]")
    const [broken] = await say(`${record('ipi', '0xfd')}sender:\tnobody\n`)
    expect(broken).toBe('another CPU interrupted it (IPI, vector 0xfd)')
  })
  it('does not blame a thread of the program for what another process made the kernel do', async () => {
    const sender =
      'sender:\tcpu=0 pid=77 func=flush_tlb_func site=on_each_cpu_cond_mask+0x24/0x40 comm=kcompactd0\n'
    const text = `${record('ipi', '0xfb')}${sender}`
    const {stdout} = await execa(words, ['foreign'], {input: text})
    const [, advice = ''] = stdout.split('\n')
    expect(advice).toMatch(
      /^the kernel moved or reclaimed pages of its memory for another process \(compaction/,
    )
    const found = parseIsolationRecord(text)
    expect(found.sender).toBeDefined()
    expect(breakHelp(found)).toContain('a thread sharing its memory')
    const foreign = {...found, ...(found.sender && {sender: {...found.sender, foreign: true}})}
    expect(breakHelp(foreign)).toBe(advice)
  })
  it('names the task that ran on its CPU, not the one that woke it', async () => {
    const sender = 'sender:\tcpu=0 pid=77 site=ttwu_queue_wakelist+0x2/0x4 comm=waker\n'
    const [sentence] = await say(`${record('sched', '0x9')}${sender}intruder:\tpid=9 comm=kworker/3:1\n`)
    expect(sentence).toBe('another task ran on its CPU: kworker/3:1[9]')
    const [broken] = await say(`${record('sched', '0x9')}intruder:\tsomebody\n`)
    expect(broken).toBe('another task ran on its CPU: pid 9')
  })
  test.for([
    ['ipi', 'func=do_sync_core', 'rmmod', '', 'a module was unloaded by rmmod[712]'],
    ['ipi', 'func=do_flush_tlb_all', 'modprobe', '', 'a module was loaded by modprobe[712]'],
    ['ipi', 'func=do_kernel_range_flush', 'nft', '', 'a firewall rule was changed by nft[712]'],
    ['ipi', 'func=do_sync_core', 'tcpdump', '', 'a packet capture was started or stopped by tcpdump[712]'],
    [
      'ipi',
      'func=do_sync_core',
      'NetworkManager',
      '',
      'kernel text was patched by NetworkManager[712] (a module, ',
    ],
    [
      'ipi',
      'func=do_flush_tlb_all',
      'modprobe2',
      '',
      'kernel memory was unmapped by modprobe2[712] (a module, ',
    ],
    ['ipi', 'func=tlb_remove_table_smp_sync', 'khugepaged', '', 'a huge page was made by khugepaged[712]'],
    ['ipi', 'func=__rdmsr_safe_on_cpu', 'rdmsr', '', 'a register of its CPU was read by rdmsr[712]'],
    ['ipi', 'func=nohz_full_kick_func', 'cpuhp/1', '', 'a CPU was taken offline or online: cpuhp/1[712]'],
    ['ipi', 'func=nohz_full_kick_func', 'cpuhp', '', 'another CPU interrupted it: CPU 0, cpuhp[712]'],
    [
      'sched',
      'func=nohz_full_kick_func',
      'bash',
      'pid=68 comm=kworker/3:1',
      'work that was queued on every CPU',
    ],
    [
      'sched',
      'site=wakeup_preempt',
      'bash',
      'pid=39 comm=migration/3',
      'all CPUs were stopped for a moment: migration/3[39], by bash[712]',
    ],
    [
      'sched',
      'func=nohz_full_kick_func',
      'migration/1',
      'pid=242 comm=taskset',
      'another task ran on its CPU: taskset[242]',
    ],
    // Who sent or woke a task did not run there itself.
    [
      'sched',
      'func=nohz_full_kick_func',
      'migration/1',
      '',
      'another task ran on its CPU, sent or woken by migration/1[712]',
    ],
  ] as const)('names the activity: %s %s %s %s', async ([cause, where, name, intruder, expected]) => {
    const more = intruder === '' ? '' : `intruder:\t${intruder}\n`
    const [sentence] = await say(
      `${record(cause, '0x0')}sender:\tcpu=0 pid=712 ${where} site=x comm=${name}\n${more}`,
    )
    expect(sentence).toContain(expected)
  })
  it('handles a record with missing fields', async () => {
    expect((await say(''))[0]).toBe('the kernel could not tell why')
    expect((await say('cause:'))[0]).toBe(' (0x0)')
    expect((await say(`cause:\t${'x'.repeat(300)}\n`))[0]).toBe(`${'x'.repeat(15)} (0x0)`)
  })
  it('does not take the name of a program for a kernel function', async () => {
    const sender = 'sender:\tcpu=1 pid=9 site=smp_call_function comm=func=perf site=ptrace\n'
    const [sentence, advice] = await say(`${record('ipi', '0xfb')}${sender}`)
    expect(sentence).toBe('another CPU interrupted it: CPU 1, func=perf site=ptrace[9], in smp_call_function')
    expect(advice).toContain('keep both still')
  })
  it('is the same in status and preflight as from isol-reporter', async () => {
    const inC = await saidInC(words)
    expect(inC.length).toBeGreaterThan(3000)
    expect(saidHere()).toEqual(inC)
  })
})

describe('the parsers of native/lib', () => {
  it('take what is right and nothing else', async () => {
    expect(await parsed(parsers)).toEqual(PARSED.map(([, , expected]) => expected))
  })
})
