// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {missingSoftware} from '../../src/lib/programs.ts'

test('what is missing goes by the names of the packages, and by how to get them where these are known', () => {
  const missing = [
    {name: 'ld', package: 'binutils'},
    {name: 'gelf.h', package: 'libelf-dev'},
    {name: 'readelf', package: 'binutils'},
  ]
  expect(missingSoftware(missing, 'building', true)).toMatchObject({
    message: 'building needs ld, gelf.h, readelf, which this machine lacks',
    help: 'apt-get install binutils libelf-dev',
  })
  expect(missingSoftware(missing, 'building', false).help).toMatch(
    /on Debian binutils libelf-dev; .* other names/,
  )
})
