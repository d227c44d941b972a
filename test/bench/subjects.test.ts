// SPDX-License-Identifier: MIT
import {readdir} from 'node:fs/promises'
import {join} from 'node:path'
import {expect, test} from 'vitest'
import {list, parseCommandLine, table} from '../../bench/run.ts'
import {SUBJECTS} from '../../bench/subjects.ts'
import {packageRoot} from '../../src/lib/assets.ts'

/** Files of bench/ that are not subjects. */
const SHARED = ['large-host', 'run', 'subject', 'subjects', 'timing']
/** Subjects whose files are beside the C programs that they run. */
const ELSEWHERE = ['isolation', 'kernel-cost']

test('every file of bench/ is a subject of the same name', async () => {
  const files = (await readdir(join(packageRoot, 'bench'))).map((file) => file.replace(/\.ts$/, ''))
  expect(Object.keys(SUBJECTS).sort()).toEqual(
    [...files.filter((file) => !SHARED.includes(file)), ...ELSEWHERE].sort(),
  )
})

test('the list names every subject, what it measures and what it costs', () => {
  const text = list(SUBJECTS)
  for (const [name, {measures, load}] of Object.entries(SUBJECTS))
    for (const part of [name, measures, load]) expect(text).toContain(part)
})

test('the command line names subjects and their options', () => {
  const {subjects, options} = parseCommandLine(['isolation', 'apply', '--seconds', '5'])
  expect(subjects).toEqual([SUBJECTS['isolation'], SUBJECTS['apply']])
  expect(options).toEqual({seconds: 5})
})

test.for([
  [['aply'], 'there is no benchmark "aply"'],
  [['toString'], 'there is no benchmark "toString"'],
  [['apply', '--seconds', '5'], 'none of these benchmarks takes --seconds'],
  [['isolation', '--seconds', 'ten'], '--seconds takes a number above 0, not ten'],
  [['apply', '--tuned'], "Unknown option '--tuned'"],
] as const)('%j is refused', ([args, message]) => {
  expect(() => parseCommandLine(args)).toThrow(message)
})

test('a row is a line', () => {
  expect(
    table([
      {what: 'apply', value: 1.234, unit: 's', ratio: '12 changes'},
      {what: 'syscall, on', value: 271, unit: 'instructions'},
    ]).split('\n'),
  ).toEqual(['apply             1.23 s   12 changes', 'syscall, on        271 instructions'])
})
