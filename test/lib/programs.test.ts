// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {missingSoftware} from '../../src/lib/programs.ts'

test('missing programs are reported with their Debian packages, and with apt-get where it exists', () => {
  const missing = [
    {name: 'ld', package: 'binutils'},
    {name: 'gelf.h', package: 'libelf-dev'},
    {name: 'readelf', package: 'binutils'},
  ]
  expect(missingSoftware(missing, 'building', true)).toMatchObject({
    message: 'building needs ld, gelf.h, readelf: not installed',
    help: 'apt-get install binutils libelf-dev',
  })
  expect(missingSoftware(missing, 'building', false).help).toMatch(
    /^install these Debian packages, .* other names .*: binutils libelf-dev$/,
  )
})
