// SPDX-License-Identifier: MIT
import type {Row} from './subject.ts'
import {wallSeconds} from './timing.ts'

const DEMO = ['npm', 'run', '--silent', 'demo']

/** The second of two runs. The first one builds the kernel if it is not in the cache. */
export async function warmDemo(): Promise<readonly Row[]> {
  await wallSeconds(DEMO)
  return [{what: 'npm run demo, kernel in the cache', value: await wallSeconds(DEMO), unit: 's'}]
}
