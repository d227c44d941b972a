// SPDX-License-Identifier: MIT
import {mkdir, mkdtemp, rm, utimes, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {installable} from '../../../src/kernel/install/installable.ts'
import {sha256} from '../../../src/kernel/sha256.ts'
import type {PackageManifest} from '../../../src/schema/kernel-build.ts'

let box: string
beforeEach(async () => {
  box = await mkdtemp(join(tmpdir(), 'found-'))
})
afterEach(() => rm(box, {recursive: true}))

async function planted(name: string, more: Partial<PackageManifest> = {}): Promise<string> {
  const folder = join(box, 'builds', name)
  await mkdir(folder, {recursive: true})
  await writeFile(join(folder, 'image.deb'), name)
  const manifest: PackageManifest = {
    schema: 'isolctl.kernel-build/1',
    key: `key of ${name}`,
    release: '6.12.1-isolctl',
    base: '6.12',
    version: '6.12.1',
    source: {kind: 'debian', name: 'x', sha256: 'x', verified: 'apt'},
    series: {sha256: 'x', patches: 1},
    config: {from: '/proc/config.gz', sha256: sha256('config')},
    compiler: 'gcc',
    date: 1,
    buildId: 'abcd',
    vmlinuxSha256: 'x',
    objects: 1,
    format: 'deb',
    files: [{role: 'image', name: 'image.deb', sha256: sha256(name)}],
    ...more,
  }
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest))
  return folder
}

describe('what there is to install', () => {
  test('is a build, by its directory, its manifest or its package, or the newest build', async () => {
    const old = await planted('old')
    await utimes(join(old, 'manifest.json'), 1, 1)
    const folder = await planted('new')
    const expected = {
      file: join(folder, 'image.deb'),
      build: {
        key: 'key of new',
        buildId: 'abcd',
        configSha256: sha256('config'),
        series: {base: '6.12', patches: 1, sha256: 'x'},
      },
    }
    for (const named of [folder, join(folder, 'manifest.json'), join(folder, 'image.deb'), undefined])
      expect(await installable(named, box)).toEqual(expected)
    expect(await installable(old, box)).toMatchObject({build: {key: 'key of old'}})
  })

  test('or a package without a manifest', async () => {
    await writeFile(join(box, 'other.deb'), '')
    expect(await installable(join(box, 'other.deb'), box)).toEqual({file: join(box, 'other.deb')})
  })

  test('but no build with a changed file, no RPM, and no missing file', async () => {
    await expect(installable(undefined, box)).rejects.toThrow('this user has built none')
    await expect(installable(join(box, 'nowhere'), box)).rejects.toThrow('nowhere: ENOENT')
    const folder = await planted('changed')
    await writeFile(join(folder, 'image.deb'), 'rubbish')
    await expect(installable(folder, box)).rejects.toMatchObject({code: 'bad-package', exit: 69})
    await expect(installable(undefined, box)).rejects.toThrow('this user has built none')
    await expect(installable(await planted('rpm', {format: 'rpm'}), box)).rejects.toMatchObject({exit: 69})
  })
})
