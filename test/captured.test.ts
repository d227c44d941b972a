// SPDX-License-Identifier: MIT
import {existsSync} from 'node:fs'
import {mkdtemp, readdir, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {CHECKS} from '../src/checks/registry.ts'
import {type Result, runChecks} from '../src/checks/run.ts'
import {online} from '../src/facts/cpus.ts'
import {gatherer} from '../src/facts/fact.ts'
import {rooted} from '../src/host/rooted.ts'
import {packageRoot} from '../src/lib/assets.ts'
import {CpuSet} from '../src/model/cpuset.ts'
import {givens} from './support/machine.ts'

/** Captures of other projects' machines, which may not be published. Used if they are there. */
const places = [process.env['ISOLCTL_CAPTURES'], '../shared/hosts', '../../shared/hosts']
const captures = places
  .map((place) => place && join(packageRoot, place))
  .find((path) => path && existsSync(path))
if (captures === undefined)
  process.stdout.write(
    'captured machines: skipped, none are here (set ISOLCTL_CAPTURES to a folder of tar files)\n',
  )

/** Results by machine: "unknown" for a file that was not captured. Numbers are captured ones. */
describe.skipIf(captures === undefined)('captured machines', async () => {
  const archives =
    captures === undefined ? [] : (await readdir(captures)).filter((name) => /\.tar\.\w+$/.test(name))
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isolctl-captured-'))
  })
  afterAll(async () => {
    await rm(folder, {recursive: true, force: true})
  })

  test.for(archives)('%s', {timeout: 120_000}, async (archive) => {
    const place = join(folder, archive)
    await execa('mkdir', [place])
    // Files that no fact reads are not unpacked: some archives have 15 000 files.
    const unread = ['*/sys/bus/*', '*/sys/devices/pci*', '*/cache/*']
    await execa('tar', [
      ...unread.map((path) => `--exclude=${path}`),
      '-xf',
      join(captures ?? '', archive),
      '-C',
      place,
    ])
    const [inside = ''] = await readdir(place)
    const host = rooted(join(place, inside))
    const cpus = await gatherer(host)(online).catch(() => CpuSet.parse('0-3'))
    const isolated = CpuSet.from([...cpus].slice(-2))
    const get = gatherer(host, givens({isolated, housekeeping: cpus.minus(isolated)}))
    const results: Result[] = []
    for await (const result of runChecks(CHECKS, get, {clock: () => 0})) results.push(result)
    for (const result of results) {
      if ('reason' in result)
        expect(result.reason).not.toMatch(/undefined|NaN|not a function|Cannot read prop/)
      if (result.check.active) expect(result.status).toBe('skip')
    }
    expect(
      results.map((result) => {
        const detail =
          'reason' in result
            ? result.reason
            : 'findings' in result
              ? result.findings.map(({message}) => message).join('; ')
              : (result.evidence ?? '')
        return `${result.status.padEnd(7)} ${result.check.id}: ${detail}`
      }),
    ).toMatchSnapshot()
  })
})
