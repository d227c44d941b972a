// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {parseNotes} from '../../src/facts/build-id.ts'
import {note} from '../support/elf-note.ts'

test('the build id is found among other notes', () => {
  const notes = Buffer.concat([
    note('Linux', 1, '0102030405'),
    note('GNU', 1, '00'),
    note('GNU', 3, 'deadbeef01'),
  ])
  expect(parseNotes(notes)).toBe('deadbeef01')
  // At an odd offset of a larger buffer as well, as Node.js reads small files.
  expect(parseNotes(Buffer.concat([Buffer.alloc(1), notes]).subarray(1))).toBe('deadbeef01')
})

test('notes without a build id give undefined', () => {
  expect(parseNotes(Buffer.alloc(0))).toBeUndefined()
  expect(parseNotes(note('GNU', 1, 'deadbeef'))).toBeUndefined()
  expect(parseNotes(note('GNU', 3, 'deadbeef').subarray(0, 18))).toBeUndefined()
})
