// SPDX-License-Identifier: MIT
import type {Row} from './subject.ts'
import {bestOf} from './timing.ts'

/** The best of ten runs of `isolctl --version`, compared with a Node that does nothing. */
export async function startUp(): Promise<readonly Row[]> {
  const [node = Number.NaN, version = Number.NaN] = await bestOf(10, [
    ['node', '-e', '0'],
    ['node', 'bin/run.js', '--version'],
  ])
  const ratio = `${(version / node).toFixed(1)} x node -e 0`
  return [{what: 'isolctl --version', value: version, unit: 's', ratio}]
}
