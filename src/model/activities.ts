// SPDX-License-Identifier: MIT
import table from './activities.json' with {type: 'json'}

/**
 * What an administrator does beside an isolated thread, and whether that ends its isolation: measured by `npm run
 * test:endurance`. activities.json is written by `npm run docs`.
 */
export interface ActivityTable {
  /** The release of the kernel that was measured; "none" before the first run. */
  readonly kernel: string
  readonly machine: string
  /** The kernel of `before`. */
  readonly beforeKernel: string
  readonly subjects: readonly {readonly subject: string; readonly activities: readonly MeasuredActivity[]}[]
}

export interface MeasuredActivity {
  readonly id: string
  readonly title: string
  /** What else somebody might call it. */
  readonly words: string
  readonly now: Measurement
  /** On a kernel without deferred interruptions. Absent: not measured there. */
  readonly before?: {readonly result: string; readonly cause: string; readonly by: string}
  /** What to do instead. */
  readonly instead?: string
  /** The step of `apply` that prevents it. */
  readonly prevented?: string
}

export interface Measurement {
  /** "held", "broke", "not tried", "died". */
  readonly result: string
  /** Why it was not tried, or how the machine died. */
  readonly why?: string
  /** Of the break: the kernel's cause; the function that ran, or the thread; and the sentence. */
  readonly cause?: string
  readonly by?: string
  readonly sentence?: string
  /** Interruptions that the kernel put off meanwhile. */
  readonly deferred?: number
}

export const ACTIVITIES: ActivityTable = table

/**
 * The activities that somebody means: the one with this id, else those whose id, title or words have every word of the
 * text, each at the start of one of theirs. Pure.
 */
export function findActivities(
  text: string,
  {subjects}: ActivityTable = ACTIVITIES,
): readonly MeasuredActivity[] {
  const all = subjects.flatMap(({activities}) => activities)
  const named = all.filter(({id}) => id === text)
  if (named.length > 0) return named
  const wanted = wordsIn(text)
  if (wanted.length === 0) return []
  return all.filter(({id, title, words}) => {
    const own = wordsIn(`${id} ${title} ${words}`)
    return wanted.every((word) => own.some((other) => other.startsWith(word)))
  })
}

const wordsIn = (text: string): readonly string[] => text.toLowerCase().match(/[a-z0-9_.]+/g) ?? []
