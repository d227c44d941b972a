// SPDX-License-Identifier: MIT

/** How much of a step is done. */
export interface Amount {
  readonly done: number
  /** Undefined when it is not known. */
  readonly total?: number
  /** What is counted, in the plural: "objects". */
  readonly unit: string
}

/**
 * Long work reports its progress here; src/ui/progress.ts displays it. A title says what is done:
 * "apply 12 patches".
 */
export interface Progress {
  step<T>(title: string, body: (at: (amount: Amount) => void) => Promise<T>): Promise<T>
}

/** A Progress that displays nothing. */
export const silent: Progress = {
  step: async (_title, body) => await body(() => {}),
}

/** "812 of 1650 objects (49 %)", or "812 objects" while the total is unknown. */
export function amountText({done, total, unit}: Amount): string {
  if (total === undefined || total <= 0) return `${done} ${unit}`
  // Never 100 % before the end: the total may be an estimate from an earlier run.
  const percent = Math.min(99, Math.floor((100 * done) / total))
  return `${done} of ${Math.max(done, total)} ${unit} (${done >= total ? 99 : percent} %)`
}

/** How much of a step was done when its first report came. An earlier try may have done a part. */
export interface Begun {
  readonly done: number
  /** Milliseconds of any monotonic clock. */
  readonly at: number
}

/**
 * ", about 12 min left", estimated from the pace since `begun`. Empty while an estimate would be
 * unreliable: in the first ten seconds, in the first two per cent, and without a total.
 */
export function remainingText({done, total}: Amount, begun: Begun, at: number): string {
  const made = done - begun.done
  const elapsed = at - begun.at
  if (total === undefined || done >= total || elapsed < 10_000 || made < (total - begun.done) / 50) return ''
  return `, about ${elapsedText(Math.ceil((elapsed * (total - done)) / made))} left`
}

/** "8 s", "3 min 10 s", "1 h 2 min". */
export function elapsedText(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}
