// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {amountText, elapsedText} from '../../src/lib/progress.ts'
import {logProgress} from '../../src/ui/progress.ts'

test.for([
  [{done: 812, total: 1650, unit: 'objects'}, '812 of 1650 objects (49 %)'],
  [{done: 812, unit: 'objects'}, '812 objects'],
  [{done: 1700, total: 1650, unit: 'objects'}, '1700 of 1700 objects (99 %)'],
] as const)('%o', ([amount, text]) => {
  expect(amountText(amount)).toBe(text)
})

test.for([
  [400, '0 s'],
  [190_000, '3 min 10 s'],
  [3_725_000, '1 h 2 min'],
] as const)('%i ms', ([ms, text]) => {
  expect(elapsedText(ms)).toBe(text)
})

test('a log gets a line every ten seconds or tenth, not one per object', async () => {
  const lines: string[] = []
  let clock = 0
  const progress = logProgress(
    (line) => lines.push(line),
    () => clock,
  )
  await progress.step('compile', async (at) => {
    for (let done = 0; done < 100; done++) {
      clock += 100
      at({done, total: 100, unit: 'objects'})
    }
    at({done: 100, total: 1000, unit: 'objects'})
    clock += 11_000
    at({done: 100, total: 1000, unit: 'objects'})
  })
  expect(lines).toHaveLength(1 + 9 + 1 + 1)
  expect(lines[0]).toMatch(/^\[\d\d:\d\d:\d\d\] compile$/)
  expect(lines[1]).toContain('compile: 10 of 100 objects (10 %), 1 s')
  expect(lines.at(-1)).toContain('compile: done in 21 s')
})
