// SPDX-License-Identifier: MIT
/**
 * Real gpgv and real signatures. The keys were made for these tests, with the date 2020, and are
 * not kept.
 */
import {copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {findSource} from '../../../src/kernel/source/find-source.ts'
import type {Series} from '../../../src/kernel/source/series.ts'
import {signedSha256, sumOf, TRUSTED, validSigners} from '../../../src/kernel/source/signature.ts'
import {tagSource} from '../../../src/kernel/source/tag.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/kernel-org')
const TAGGER = '99DDDE3ECEA35998A810E825BC701A945E281BC1'
const SIGNER = '1CFC95D682551FBDA69979A048660DD776873889'
const ARCHIVE = 'linux-6.12.117.tar.xz'
const series: Series = {
  base: {
    version: '6.12',
    source: 'linux-source-6.12',
    testedWith: '6.12.117',
    applies: '>=6.12.60 <6.13',
  },
  folder: '',
  patches: [],
  sha256: '',
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-signature-'))
  await copyFile(join(FIXTURES, ARCHIVE), join(folder, ARCHIVE))
  await copyFile(join(FIXTURES, 'sha256sums.asc'), join(folder, 'sums.asc'))
})
afterEach(() => rm(folder, {recursive: true, force: true}))

const find = async (over: {sums?: string; keyring?: string; trusted?: readonly string[]} = {}) => {
  const signed = {
    sums: join(folder, 'sums.asc'),
    keyring: join(FIXTURES, 'keyring.gpg'),
    trusted: [SIGNER],
    ...over,
  }
  const request = {path: join(folder, ARCHIVE), signed}
  return (await findSource(request, [series], {cache: join(folder, 'cache')})).origin
}
const edit = async (change: (text: string) => string) => {
  const file = join(folder, 'sums.asc')
  await writeFile(file, change(await readFile(file, 'utf8')))
}

test('an archive that a trusted key signed is accepted', async () => {
  expect(await find()).toMatchObject({source: {version: '6.12.117'}, verified: 'signature'})
})

describe('refused before the archive is opened:', () => {
  test('a truncated archive, also if it was complete before', async () => {
    await find()
    await truncate(join(folder, ARCHIVE), 200)
    await expect(find()).rejects.toThrow('is not the file that was signed')
  })

  test('sums that were changed after they were signed', async () => {
    await edit((text) => text.replace('0000', '1111'))
    await expect(find()).rejects.toThrow('the text changed after it was signed')
  })

  test('sums without a signature', async () => {
    await edit((text) => text.replace(/-----BEGIN PGP SIGNATURE-----[\s\S]*/, ''))
    await expect(find()).rejects.toThrow('sums.asc is not signed by kernel.org')
  })

  test('lines around the signed text', async () => {
    const {source} = await find()
    await edit((text) => `${'1'.repeat(64)}  ${ARCHIVE}\n${text}\n${'2'.repeat(64)}  ${ARCHIVE}\n`)
    await expect(
      signedSha256(ARCHIVE, {
        sums: join(folder, 'sums.asc'),
        keyring: join(FIXTURES, 'keyring.gpg'),
        trusted: [SIGNER],
      }),
    ).resolves.toBe(source.sha256)
  })

  test('a key in the keyring that isolctl does not trust', async () => {
    const stranger = {sums: join(FIXTURES, 'stranger.asc'), keyring: join(FIXTURES, 'both.gpg')}
    await expect(find(stranger)).rejects.toThrow('is not one of those that isolctl trusts')
    await expect(find({trusted: TRUSTED})).rejects.toThrow(`the key ${SIGNER} is not one of those`)
  })

  test('a key that is not in the keyring', async () => {
    await expect(find({sums: join(FIXTURES, 'stranger.asc')})).rejects.toThrow('the keyring has no key')
  })

  test('an archive that the sums do not name', async () => {
    await expect(
      signedSha256('linux-6.12.99.tar.xz', {
        sums: join(folder, 'sums.asc'),
        keyring: join(FIXTURES, 'keyring.gpg'),
        trusted: [SIGNER],
      }),
    ).rejects.toThrow('does not name linux-6.12.99.tar.xz')
  })

  test('an armoured keyring, and a missing one', async () => {
    await expect(find({keyring: join(FIXTURES, 'keyring.asc')})).rejects.toThrow('is armoured')
    await expect(find({keyring: join(folder, 'none')})).rejects.toThrow('cannot read the keyring')
  })
})

describe('a tag', () => {
  const tagged = async (tag: string) => {
    const repository = join(folder, 'repository')
    const git = (...args: string[]) => execa('git', ['-C', repository, ...args])
    await mkdir(repository)
    await git('init', '--quiet')
    await git('fetch', '--quiet', join(FIXTURES, 'tags.bundle'), 'refs/tags/*:refs/tags/*')
    return await tagSource(repository, tag, {keyring: join(FIXTURES, 'tags.gpg'), trusted: [TAGGER]})
  }

  test.for(['v6.12.117', 'tags/v6.12.117'])('that a trusted key signed is accepted: %s', async (tag) => {
    expect(await tagged(tag)).toMatchObject({version: '6.12.117'})
  })

  test.for([
    ['v6.12.118', 'v6.12.118 was signed as v6.12.117'],
    ['v6.12.119', 'the text changed after it was signed'],
    ['v6.12.120', 'is not one of those that isolctl trusts'],
    ['v6.12.121', 'v6.12.121 is not signed'],
    ['v6.12.117^{commit}', 'is not a signed tag'],
  ] as const)('is refused: %s', async ([tag, reason]) => {
    await expect(tagged(tag)).rejects.toThrow(reason)
  })
})

test('fingerprints are those of the primary key, and a sum must be there once', () => {
  expect(
    validSigners('[GNUPG:] VALIDSIG SUB 2020-01-01 1 0 4 0 22 10 01 PRIMARY\n[GNUPG:] GOODSIG x'),
  ).toEqual(['PRIMARY'])
  expect(sumOf(`${'a'.repeat(64)}  x\n${'b'.repeat(64)}  x\n`, 'x')).toBeUndefined()
  expect(sumOf(`${'a'.repeat(64)} *x\n`, 'x')).toBe('a'.repeat(64))
})
