// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {patchFailure} from '../../../src/kernel/source/apply-patch.ts'

test.for([
  [
    'patching file kernel/sys.c\nHunk #1 succeeded at 12 (offset 2 lines).\nHunk #2 FAILED at 2345.\n1 out of 2 hunks FAILED -- saving rejects to file kernel/sys.c.rej',
    ': kernel/sys.c, hunk 2 at line 2345',
  ],
  ["can't find file to patch at input line 7", ': the file to patch does not exist (line 7 of the patch)'],
  [
    'The next patch would create the file kernel/new.c,\nwhich already exists!  Skipping patch.\n1 out of 1 hunk ignored',
    ': kernel/new.c exists already',
  ],
  [
    'patching file a\nReversed (or previously applied) patch detected!  Skipping patch.\n1 out of 1 hunk ignored',
    ': a has it already',
  ],
  [
    'patch: **** Only garbage was found in the patch input.',
    ': patch: **** Only garbage was found in the patch input.',
  ],
] as const)('the failure that patch(1) reports', ([output, words]) => {
  expect(patchFailure(output)).toBe(words)
})
