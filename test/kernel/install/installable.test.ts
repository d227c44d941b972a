// SPDX-License-Identifier: MIT
import {mkdir, mkdtemp, rm, utimes, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {installable} from '../../../src/kernel/install/installable.ts'
import {verifyRunning} from '../../../src/kernel/install/judge.ts'
import {readFragment, seriesFolder, sha256} from '../../../src/kernel/source/series.ts'
import type {BuildManifest} from '../../../src/schema/kernel-build.ts'
import {note} from '../../support/elf-note.ts'

let box: string
beforeEach(async () => {
  box = await mkdtemp(join(tmpdir(), 'found-'))
})
afterEach(() => rm(box, {recursive: true}))

async function planted(name: string, more: Partial<BuildManifest> = {}): Promise<string> {
  const folder = join(box, 'builds', name)
  await mkdir(folder, {recursive: true})
  await writeFile(join(folder, 'image.deb'), name)
  const manifest: BuildManifest = {
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
  test('is a build by its directory, its manifest, its package, or the newest', async () => {
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

  test('or any package, of which nothing else is known', async () => {
    await writeFile(join(box, 'other.deb'), '')
    expect(await installable(join(box, 'other.deb'), box)).toEqual({file: join(box, 'other.deb')})
  })

  test('but not a build of which a file was changed, nor RPMs, nor nothing', async () => {
    await expect(installable(undefined, box)).rejects.toThrow('nothing was built here yet')
    await expect(installable(join(box, 'nowhere'), box)).rejects.toThrow('nowhere: ENOENT')
    const folder = await planted('changed')
    await writeFile(join(folder, 'image.deb'), 'rubbish')
    await expect(installable(folder, box)).rejects.toMatchObject({code: 'bad-package', exit: 69})
    await expect(installable(undefined, box)).rejects.toThrow('nothing was built here yet')
    await expect(installable(await planted('rpm', {format: 'rpm'}), box)).rejects.toMatchObject({exit: 69})
  })
})

describe('the running kernel', async () => {
  const config = await readFragment(seriesFolder(), 'isolation')
  const series = {base: '6.12', patches: 1, sha256: 'x'}
  const build = {key: 'k', buildId: 'abcd', configSha256: sha256(config), series}
  const host = (more: Readonly<Record<string, string>> = {}) =>
    memoryHost({
      '/proc/sys/kernel/osrelease': '6.12.1-isolctl\n',
      '/sys/devices/system/cpu/task_isolation': '',
      '/proc/config.gz': config,
      '/sys/kernel/notes': note('GNU', 3, 'abcd').toString('latin1'),
      '/var/lib/isolctl/kernels/6.12.1-isolctl.json': JSON.stringify({
        schema: 'isolctl.installed-kernel/1',
        release: '6.12.1-isolctl',
        package: 'linux-image-6.12.1-isolctl',
        knownGood: '6.1.0-1-amd64',
        build,
        gate: 'verify',
        state: 'armed',
        history: [],
      }),
      ...more,
    })

  test('is the one that was built', async () => {
    expect(await verifyRunning(host())).toEqual([])
  })

  test('is another build of the same name', async () => {
    const other = host({'/sys/kernel/notes': note('GNU', 3, '1234').toString('latin1')})
    expect(await verifyRunning(other)).toEqual(['it is another build: its build id is 1234, not abcd'])
    expect(await verifyRunning(host(), {...build, buildId: '1234'})).toHaveLength(1)
  })

  test('has another configuration', async () => {
    expect(await verifyRunning(host({'/proc/config.gz': `${config}CONFIG_MORE=y\n`}))).toEqual([
      '/proc/config.gz is not the configuration that it was built with',
    ])
  })

  test('is not taken for the right one where that cannot be told', async () => {
    const {bytes: _, ...captured} = host()
    expect(await verifyRunning(captured)).toEqual([expect.stringContaining('cannot be told')])
    const blind = host()
    blind.files.delete('/sys/kernel/notes')
    expect(await verifyRunning(blind)).toEqual([expect.stringContaining('cannot be told')])
  })
})
