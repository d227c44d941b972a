// SPDX-License-Identifier: MIT

/**
 * The kernel's record of one thread, /proc/PID/task/TID/task_isolation (kernel-patches/6.12/README.md, "ABI"). What its text
 * lacks is "unknown", 0, or absent. native/lib/record.c is the same in C.
 */
export interface IsolationRecord {
  /** "isolated", "lost", "off", "starting", "leaving". */
  readonly state: string
  /** As given to the prctl, see native/include/task_isolation.h. 0: off. */
  readonly flags: number
  /** The signal that is sent on a break; 0: none. */
  readonly signal: number
  /** Of the last start; -1: the thread was never isolated. */
  readonly cpu: number
  readonly starts: number
  readonly refusals: number
  readonly breaks: number
  /** What refused the last start, "none" when nothing did. */
  readonly eagain: string
  /** Why isolation ended last, "none" when it never did; and for how long it had held, in nanoseconds. */
  readonly cause: string
  readonly durationNs: number
  /** By cause: system call number, address, vector, ... 64 bits. */
  readonly data: bigint
  /** Who interrupted the thread from another CPU. */
  readonly sender?: Sender
  /** The first other thread that ran on its CPU, for the cause "sched". */
  readonly intruder?: Intruder
}

export interface Sender extends Intruder {
  readonly cpu: number
  /** Kernel functions: what the CPU was made to run ("": not known), on behalf of what. */
  readonly function: string
  readonly site: string
  /** It is known to belong to another process than the thread. Not in the text: who reads it, looks. */
  readonly foreign?: boolean
}

export interface Intruder {
  readonly pid: number
  readonly name: string
}

/** The record in a text of "key:<tab>value" lines. Pure. */
export function parseIsolationRecord(text: string): IsolationRecord {
  const fields = new Map<string, string>()
  for (const [, key = '', value = ''] of text.matchAll(/^(\w+):[ \t]*(.*)$/gm))
    if (!fields.has(key)) fields.set(key, value)
  const word = (key: string) => fields.get(key) ?? 'unknown'
  const number = (key: string) => Number(numberAt(fields.get(key)) ?? 0n)
  const sender = parseSender(wordsOf(fields.get('sender')))
  const intruder = parseIntruder(wordsOf(fields.get('intruder')))
  return {
    state: word('state'),
    flags: number('flags'),
    signal: number('signal'),
    cpu: Number(numberAt(fields.get('cpu')) ?? -1n),
    starts: number('starts'),
    refusals: number('eagains'),
    breaks: number('breaks'),
    eagain: word('eagain'),
    cause: word('cause'),
    durationNs: number('duration_ns'),
    data: numberAt(fields.get('data')) ?? 0n,
    ...(sender ? {sender} : {}),
    ...(intruder ? {intruder} : {}),
  }
}

export const isIsolated = ({state}: IsolationRecord): boolean => state === 'isolated'

/** How many seconds a thread has to end that entered the kernel by its own doing; 0: none. */
export const graceOf = ({flags}: IsolationRecord): number => (flags >>> 16) & 0xff

/** The number that a text starts with, decimal or "0x...". */
function numberAt(text: string | undefined): bigint | undefined {
  const digits = /^(0x[0-9a-f]+|\d+)/i.exec(text ?? '')?.[0]
  return digits === undefined ? undefined : BigInt(digits)
}

/** "cpu=0 pid=7 site=a+0x2/0x4 comm=a name": "comm" comes last and may hold anything. */
function wordsOf(line: string | undefined): ReadonlyMap<string, string> {
  const [, words = '', name] = /^(.*?)(?:(?:^| )comm=(.*))?$/.exec(line ?? '') ?? []
  const pairs = words.split(' ').map((word) => word.split(/=(.*)/, 2) as [string, string?])
  const known = new Map(pairs.map(([key, value = '']) => [key, value]))
  return name === undefined ? known : known.set('comm', name)
}

function parseSender(words: ReadonlyMap<string, string>): Sender | undefined {
  const [cpu, pid] = [numberAt(words.get('cpu')), numberAt(words.get('pid'))]
  if (cpu === undefined || pid === undefined) return undefined
  const symbol = (key: string) => (words.get(key) ?? '').replace(/\+.*/, '')
  return {
    cpu: Number(cpu),
    pid: Number(pid),
    name: words.get('comm') ?? '',
    function: symbol('func'),
    site: symbol('site'),
  }
}

function parseIntruder(words: ReadonlyMap<string, string>): Intruder | undefined {
  const [pid, name] = [numberAt(words.get('pid')), words.get('comm')]
  return pid === undefined || pid === 0n || name === undefined ? undefined : {pid: Number(pid), name}
}
