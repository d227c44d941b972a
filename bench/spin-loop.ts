// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import * as z from 'zod'
import {make} from '../scripts/native.ts'
import {asset} from '../src/lib/assets.ts'
import type {Row} from './subject.ts'

const Cost = z.object({loopNs: z.number(), plainNs: z.number()})

/** One pass of the spinner's loop beside one of a loop that only reads the counter: the best of 500 runs. */
export async function spinLoop(): Promise<readonly Row[]> {
  await make()
  const {stdout} = await execa(asset('libexec/isol-spin'), ['--cost'])
  const {loopNs, plainNs} = Cost.parse(JSON.parse(stdout))
  const ratio = `${loopNs.toFixed(1)} ns against ${plainNs.toFixed(1)} ns`
  return [{what: 'a pass of isol-spin', value: Number((loopNs / plainNs).toFixed(2)), unit: 'times', ratio}]
}
