// SPDX-License-Identifier: MIT
import type {Row} from './subject.ts'
import {wallSeconds} from './timing.ts'

/** One run of the checks that every commit has to pass. */
export async function checkScript(): Promise<readonly Row[]> {
  return [{what: 'npm run check', value: await wallSeconds(['npm', 'run', '--silent', 'check']), unit: 's'}]
}
