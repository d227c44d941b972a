// SPDX-License-Identifier: MIT
/** Real gpgv, real signatures: of a key that was made for these tests, in 2020, and thrown away. */
import {copyFile, mkdtemp, readFile, rm, truncate, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {signedSha256, sumOf, TRUSTED, validSigners} from '../../src/kernel/signature.ts'
import {findSource} from '../../src/kernel/source.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/kernel-org')
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

test('fingerprints are those of the primary key, and a sum has to be there once', () => {
  expect(
    validSigners('[GNUPG:] VALIDSIG SUB 2020-01-01 1 0 4 0 22 10 01 PRIMARY\n[GNUPG:] GOODSIG x'),
  ).toEqual(['PRIMARY'])
  expect(sumOf(`${'a'.repeat(64)}  x\n${'b'.repeat(64)}  x\n`, 'x')).toBeUndefined()
  expect(sumOf(`${'a'.repeat(64)} *x\n`, 'x')).toBe('a'.repeat(64))
})
