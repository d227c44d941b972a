// SPDX-License-Identifier: MIT
import {rm} from 'node:fs/promises'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {verifyRunning} from '../../../src/kernel/install/verify.ts'
import {sha256} from '../../../src/kernel/sha256.ts'
import {PATCHES, readFragment} from '../../../src/kernel/source/series.ts'
import {note} from '../../support/elf-note.ts'
import {FRAGMENTS, twoSeries} from './two-series.ts'

let patches: string
beforeAll(async () => {
  patches = await twoSeries()
})
afterAll(() => rm(patches, {recursive: true}))

type Version = keyof typeof FRAGMENTS
const buildOf = (base: string, config: string) => ({
  key: 'k',
  buildId: 'abcd',
  configSha256: sha256(config),
  series: {base, patches: 1, sha256: 'x'},
})
const RELEASE = '6.12.1-isolctl'
const build = buildOf('6.12', FRAGMENTS['6.12'])

/** A machine on which `kernel install` installed the running kernel, if there is a build. */
function host(
  more: Readonly<Record<string, string>> = {},
  {release = RELEASE, installed = build}: {release?: string; installed?: typeof build | null} = {},
) {
  const record = {
    schema: 'isolctl.installed-kernel/1',
    release,
    package: `linux-image-${release}`,
    knownGood: '6.1.0-1-amd64',
    build: installed,
    gate: 'verify',
    state: 'armed',
    history: [],
  }
  return memoryHost({
    '/proc/sys/kernel/osrelease': `${release}\n`,
    '/sys/devices/system/cpu/task_isolation': '',
    '/proc/config.gz': FRAGMENTS['6.12'],
    '/sys/kernel/notes': note('GNU', 3, 'abcd').toString('latin1'),
    ...(installed === null ? {} : {[`/var/lib/isolctl/kernels/${release}.json`]: JSON.stringify(record)}),
    ...more,
  })
}
const verify = (machine: ReturnType<typeof host>, expected?: typeof build) =>
  verifyRunning(machine, {build: expected, patches})

describe('the running kernel', () => {
  test('is the one that was built', async () => {
    expect(await verify(host())).toEqual([])
  })

  test('is another build of the same name', async () => {
    const other = host({'/sys/kernel/notes': note('GNU', 3, '1234').toString('latin1')})
    expect(await verify(other)).toEqual(['it is another build: its build id is 1234, not abcd'])
    expect(await verify(host(), {...build, buildId: '1234'})).toHaveLength(1)
  })

  test('has another configuration', async () => {
    const other = host({'/proc/config.gz': `${FRAGMENTS['6.12']}CONFIG_MORE=y\n`})
    expect(await verify(other)).toEqual(['/proc/config.gz is not the configuration of the build'])
  })

  test('without a build id is not accepted as the one that was built', async () => {
    const {bytes: _, ...captured} = host()
    expect(await verifyRunning(captured, {patches})).toEqual([expect.stringContaining('is unknown')])
    const blind = host()
    blind.files.delete('/sys/kernel/notes')
    expect(await verify(blind)).toEqual([expect.stringContaining('is unknown')])
  })
})

describe('what the configuration must have', () => {
  /** A kernel with the configuration of `config`, built with the series for `base`. */
  const kernel = (base: string, config: Version, release: string) =>
    host({'/proc/config.gz': FRAGMENTS[config]}, {release, installed: buildOf(base, FRAGMENTS[config])})
  const differs =
    '/proc/config.gz differs from what the series for 6.18 needs: CONFIG_NEW=n (y), CONFIG_OLD=y (n)'

  test('is what the series of the build that was installed needs', async () => {
    expect(await verify(kernel('6.18', '6.18', '6.18.3-isolctl'))).toEqual([])
    expect(await verify(kernel('6.18', '6.12', '6.18.3-isolctl'))).toEqual([differs])
    // The build decides, also if its version is in the range of another series.
    expect(await verify(kernel('6.18', '6.12', '6.12.3-isolctl'))).toEqual([differs])
  })

  test('is what the series of the build that the user named needs', async () => {
    const machine = host({'/proc/config.gz': FRAGMENTS['6.18']}, {release: '6.18.3', installed: null})
    expect(await verify(machine, buildOf('6.18', FRAGMENTS['6.18']))).toEqual([])
  })

  test('is unknown for a build with a series that this isolctl does not have', async () => {
    expect(await verify(kernel('6.19', '6.18', '6.19.3-isolctl'))).toEqual([
      'whether its configuration has what isolctl needs is unknown: it was built with the series for 6.19, which this isolctl does not have',
    ])
  })

  const stock = (release: string, config: Version) =>
    host({'/proc/config.gz': FRAGMENTS[config]}, {release, installed: null})

  test('without a build, is what the series for the running version needs', async () => {
    expect(await verify(stock('6.18.3+deb14-amd64', '6.18'))).toEqual([])
    expect(await verify(stock('6.12.3-amd64', '6.12'))).toEqual([])
    expect(await verify(stock('6.18.3+deb14-amd64', '6.12'))).toEqual([differs])
  })

  test('is what the series of this installation needs, if no other folder is given', async () => {
    const config = await readFragment(join(PATCHES, '6.12'), 'isolation')
    const good = host({'/proc/config.gz': config}, {release: '6.12.117-isolctl', installed: null})
    expect(await verifyRunning(good)).toEqual([])
    const bad = host({}, {release: '6.12.117-isolctl', installed: null})
    expect(await verifyRunning(bad)).toEqual([expect.stringContaining('CONFIG_TASK_ISOLATION=n (y)')])
  })

  test('without a build and without a series for the version, is unknown', async () => {
    expect(await verify(stock('6.1.0-50-amd64', '6.12'))).toEqual([
      'whether its configuration has what isolctl needs is unknown: the running kernel is Linux 6.1.0, and there are no patches for that version',
    ])
  })
})
