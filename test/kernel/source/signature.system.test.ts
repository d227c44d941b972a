// SPDX-License-Identifier: MIT
/** Real gpgv, real signatures: of keys that were made for these tests, dated 2020, and thrown away. */
import {copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {findSource} from '../../../src/kernel/source/archive.ts'
import {tagSource} from '../../../src/kernel/source/pack.ts'
import {signedSha256, sumOf, TRUSTED, validSigners} from '../../../src/kernel/source/signature.ts'

const FIXTURES = join(import.meta.dirname, '../../fixtures/kernel-org')
const TAGGER = '99DDDE3ECEA35998A810E825BC701A945E281BC1'
const SIGNER = '1CFC95D682551FBDA69979A048660DD776873889'
const ARCHIVE = 'linux-6.12.117.tar.xz'
const base = {
  version: '6.12',
  source: 'linux-source-6.12',
  testedWith: '6.12.117',
  applies: '>=6.12.60 <6.13',
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-signature-'))
  await copyFile(join(FIXTURES, ARCHIVE), join(folder, ARCHIVE))
  await copyFile(join(FIXTURES, 'sha256sums.asc'), join(folder, 'sums.asc'))
})
afterEach(() => rm(folder, {recursive: true, force: true}))

const find = (over: {sums?: string; keyring?: string; trusted?: readonly string[]} = {}) =>
  findSource({
    base,
    archive: join(folder, ARCHIVE),
    cache: join(folder, 'cache'),
    signed: {
      sums: join(folder, 'sums.asc'),
      keyring: join(FIXTURES, 'keyring.gpg'),
      trusted: [SIGNER],
      ...over,
    },
  })
const edit = async (change: (text: string) => string) => {
  const file = join(folder, 'sums.asc')
  await writeFile(file, change(await readFile(file, 'utf8')))
}

test('an archive that a trusted key signed for is taken', async () => {
  expect(await find()).toMatchObject({version: '6.12.117'})
})

describe('refused, before anything looks into it:', () => {
  test('a truncated archive, also one that was whole the last time', async () => {
    await find()
    await truncate(join(folder, ARCHIVE), 200)
    await expect(find()).rejects.toThrow('is not the file that was signed')
  })

  test('sums that were changed after they were signed', async () => {
    await edit((text) => text.replace('0000', '1111'))
    await expect(find()).rejects.toThrow('it was changed after it was signed')
  })

  test('sums without a signature', async () => {
    await edit((text) => text.replace(/-----BEGIN PGP SIGNATURE-----[\s\S]*/, ''))
    await expect(find()).rejects.toThrow('sums.asc is not signed by kernel.org')
  })

  test('lines around the signed text', async () => {
    const {sha256} = await find()
    await edit((text) => `${'1'.repeat(64)}  ${ARCHIVE}\n${text}\n${'2'.repeat(64)}  ${ARCHIVE}\n`)
    await expect(
      signedSha256(ARCHIVE, {
        sums: join(folder, 'sums.asc'),
        keyring: join(FIXTURES, 'keyring.gpg'),
        trusted: [SIGNER],
      }),
    ).resolves.toBe(sha256)
  })

  test('a key that is in the keyring, and not one of those we trust', async () => {
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
    ).rejects.toThrow('says nothing about linux-6.12.99.tar.xz')
  })

  test('an armoured keyring, and none', async () => {
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

  test.for(['v6.12.117', 'tags/v6.12.117'])('that a trusted key signed is taken: %s', async (tag) => {
    expect(await tagged(tag)).toMatchObject({version: '6.12.117'})
  })

  test.for([
    ['v6.12.118', 'v6.12.118 was signed as v6.12.117'],
    ['v6.12.119', 'it was changed after it was signed'],
    ['v6.12.120', 'is not one of those that isolctl trusts'],
    ['v6.12.121', 'v6.12.121 is not signed'],
    ['v6.12.117^{commit}', 'is not a signed tag'],
  ] as const)('is refused: %s', async ([tag, reason]) => {
    await expect(tagged(tag)).rejects.toThrow(reason)
  })
})

test('fingerprints are those of the primary key, and a sum has to be there once', () => {
  expect(
    validSigners('[GNUPG:] VALIDSIG SUB 2020-01-01 1 0 4 0 22 10 01 PRIMARY\n[GNUPG:] GOODSIG x'),
  ).toEqual(['PRIMARY'])
  expect(sumOf(`${'a'.repeat(64)}  x\n${'b'.repeat(64)}  x\n`, 'x')).toBeUndefined()
  expect(sumOf(`${'a'.repeat(64)} *x\n`, 'x')).toBe('a'.repeat(64))
})
