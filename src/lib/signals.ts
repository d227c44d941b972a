// SPDX-License-Identifier: MIT
import {constants} from 'node:os'

const KNOWN: Readonly<Record<string, number>> = constants.signals
const LAST = 64
/** The first real-time signal in glibc. os.constants has only the signals with names. */
const FIRST_REAL_TIME = 34

/** "TERM", "SIGTERM" or "15", in any case; undefined: there is no such signal. Pure. */
export function parseSignal(text: string): number | undefined {
  const upper = text.toUpperCase()
  const number = /^\d+$/.test(text) ? Number(text) : (KNOWN[upper] ?? KNOWN[`SIG${upper}`])
  return number !== undefined && number >= 1 && number <= LAST ? number : undefined
}

/** "SIGTERM", "SIGRTMIN+3", or the number of a signal without a name. Pure. */
export function signalName(number: number): string {
  const name = Object.entries(KNOWN).find(([, value]) => value === number)?.[0]
  return name ?? (number >= FIRST_REAL_TIME ? `SIGRTMIN+${number - FIRST_REAL_TIME}` : `${number}`)
}
