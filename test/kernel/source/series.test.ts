// SPDX-License-Identifier: MIT
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it, test} from 'vitest'
import {inRange, readSeries, seriesNames} from '../../../src/kernel/source/series.ts'
import {UserError} from '../../../src/lib/errors.ts'

test('a series file has only names and comments', () => {
  expect(seriesNames('# first\n0001-a.patch\n\n0002-b.patch -p1 # why\n')).toEqual([
    '0001-a.patch',
    '0002-b.patch',
  ])
  expect(() => seriesNames('0001-a.patch -p0\n')).toThrow(UserError)
  expect(() => seriesNames('../0001-a.patch\n')).toThrow(UserError)
})

test.for([
  ['6.12.117', '>=6.12.60 <6.13', true],
  ['6.12.60', '>=6.12.60 <6.13', true],
  ['6.12.59', '>=6.12.60 <6.13', false],
  ['6.13.0', '>=6.12.60 <6.13', false],
  ['6.12.7', '>=6.12.60', false],
  ['6.12', '=6.12.0', true],
] as const)('version %s in %s: %s', ([version, range, inside]) => {
  expect(inRange(version, range)).toBe(inside)
})

describe('a series in a folder', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'series-'))
    await writeFile(
      join(folder, 'base.json'),
      JSON.stringify({version: '6.12', source: 'linux-source-6.12', testedWith: '6.12.1', applies: '>=6.12'}),
    )
    await writeFile(join(folder, 'a.patch'), 'a')
    await writeFile(join(folder, 'b.patch'), 'b')
  })
  afterEach(async () => rm(folder, {recursive: true}))
  const hashOf = async (series: string) => {
    await writeFile(join(folder, 'series'), series)
    return (await readSeries(folder)).sha256
  }

  it('has another sha256 after a change of order, name or contents, and the same after a change of a comment', async () => {
    const first = await hashOf('a.patch\nb.patch\n')
    expect(await hashOf('# note\na.patch\nb.patch\n')).toBe(first)
    expect(await hashOf('b.patch\na.patch\n')).not.toBe(first)
    expect(await hashOf('a.patch\n')).not.toBe(first)
    await writeFile(join(folder, 'b.patch'), 'c')
    expect(await hashOf('a.patch\nb.patch\n')).not.toBe(first)
  })

  it('names the file that is missing', async () => {
    await expect(hashOf('a.patch\nnot-there.patch\n')).rejects.toThrow(/not-there\.patch is missing/)
  })
})
