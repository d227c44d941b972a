// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {makefileVersion} from '../../../src/kernel/source/source.ts'

test.for([
  ['# SPDX\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 117\nEXTRAVERSION =\n', '6.12.117'],
  ['VERSION = 6\nPATCHLEVEL = 12\n', undefined],
  ['all:\n\techo hello\n', undefined],
] as const)('the version of a Makefile', ([makefile, version]) => {
  expect(makefileVersion(makefile)).toBe(version)
})
