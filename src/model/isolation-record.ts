// SPDX-License-Identifier: MIT

/** What the kernel's record says of one thread that is or was isolated (kernel-patches/6.12/README.md, "ABI"). */
export interface IsolatedThread {
  readonly pid: number
  readonly tid: number
  readonly name: string
  readonly cpu: number
  /** "isolated", "lost", "off", "starting". */
  readonly state: string
  readonly starts: number
  readonly refusals: number
  readonly breaks: number
  /** Why isolation ended last, "none" when it never did; and for how long it had held, in nanoseconds. */
  readonly lastCause: string
  readonly lastDurationNs: number
}

/** One record, "key:<tab>value" per line; undefined for a thread that never tried, as kernel threads never do. */
export function parseIsolation(
  text: string,
  who: {readonly pid: number; readonly tid: number; readonly name: string},
): IsolatedThread | undefined {
  const fields = new Map(text.split('\n').map((line) => line.split(/:\s*/, 2) as [string, string]))
  const number = (key: string) => Number(fields.get(key) ?? 0)
  const [starts, refusals] = [number('starts'), number('eagains')]
  if (starts === 0 && refusals === 0) return undefined
  return {
    ...who,
    cpu: number('cpu'),
    state: fields.get('state') ?? 'unknown',
    starts,
    refusals,
    breaks: number('breaks'),
    lastCause: fields.get('cause') ?? 'unknown',
    lastDurationNs: number('duration_ns'),
  }
}
