// SPDX-License-Identifier: MIT
import {mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {changed} from '../support/machine.ts'
import {isolctl, plant} from './isolctl.ts'

let folder = ''
const root = () => join(folder, 'machine')
const out = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  const files = changed({'/proc/config.gz': undefined, '/boot': undefined})
  await plant(root(), files)
})
afterAll(() => rm(folder, {recursive: true}))

const preflight = (...args: string[]) => isolctl('preflight', '--root', root(), ...args)
const BAD = ['--cpus', '1-3', '--only', 'nohz-full-effective']
const GOOD = ['--only', 'nohz-full-effective,cmdline-duplicates']

describe('preflight --format', () => {
  it.each([
    ['json', /^\{\n {2}"schema": "isolctl.report\/1"/],
    ['junit', /^<\?xml [^\n]*\n<testsuites>/],
    ['tap', /^TAP version 14\n1\.\.1\nnot ok 1 - nohz-full-effective: /],
    [
      'prom',
      /^# HELP isolctl_preflight_timestamp_seconds .*\n# TYPE .*\nisolctl_preflight_timestamp_seconds \d{10}/,
    ],
    ['text', /nohz-full-effective/],
  ])('%s goes to standard output, or to a file and nothing to standard output', async (format, pattern) => {
    const direct = await preflight(...BAD, '--format', format)
    expect(direct).toMatchObject({exit: 1, stderr: '', stdout: expect.stringMatching(pattern)})
    const file = out(`report.${format}`)
    expect(await preflight(...BAD, '--format', format, '--output', file)).toEqual({
      exit: 1,
      stderr: '',
      stdout: '',
    })
    expect(await readFile(file, 'utf8')).toMatch(pattern)
  })

  it('keeps the old report if the new one cannot be written, and leaves no other file', async () => {
    await mkdir(out('a-directory'))
    await writeFile(join(out('a-directory'), 'kept'), '')
    const {exit, stderr} = await preflight(...GOOD, '--output', out('a-directory'))
    expect({exit, stderr}).toEqual({exit: 69, stderr: expect.stringContaining('a-directory: EISDIR\nhelp: ')})
    const before = await readdir(folder)
    expect(await preflight(...GOOD, '-o', join(folder, 'nowhere/report'))).toMatchObject({exit: 69})
    expect(await readdir(folder)).toEqual(before)
  })

  it('replaces a link by a file and does not write through it; a device stays a device', async () => {
    await writeFile(out('precious'), 'precious')
    await symlink(out('precious'), out('link'))
    await preflight(...GOOD, '-o', out('link'))
    expect(await readFile(out('precious'), 'utf8')).toBe('precious')
    expect(await readFile(out('link'), 'utf8')).toContain('nohz-full-effective')
    await preflight(...GOOD, '-o', '/dev/null')
    expect((await stat('/dev/null')).isCharacterDevice()).toBe(true)
  })
})

describe('preflight --exit-scheme nagios', () => {
  it.each([
    ['OK', 0, GOOD],
    ['CRITICAL', 2, BAD],
    ['WARNING', 1, [...BAD, '--allow', 'nohz-full-effective']],
    ['CRITICAL', 2, [...BAD, '--allow', 'nohz-full-effective', '--strict']],
    ['UNKNOWN', 3, ['--only', 'kernel-config-nohz-full']],
  ] as const)('%s is exit status %i and the first line', async (state, exit, args) => {
    const answer = await preflight(...args, '--exit-scheme', 'nagios')
    expect(answer).toMatchObject({exit, stdout: expect.stringMatching(new RegExp(`^ISOLCTL ${state} - `))})
  })

  it('reports bad usage as UNKNOWN', async () => {
    expect(await preflight('--only', 'nonsense', '--exit-scheme=nagios')).toMatchObject({exit: 3})
    expect(await preflight('--nonsense', '--exit-scheme', 'nagios')).toMatchObject({exit: 3})
    expect(await preflight('--only', 'nonsense')).toMatchObject({exit: 2})
  })
})

it('preflight --strict fails on warnings, also on allowed ones', async () => {
  const allowed = [...BAD, '--allow', 'nohz-full-effective']
  expect(await preflight(...allowed)).toMatchObject({exit: 0, stdout: expect.stringContaining('(allowed)')})
  expect(await preflight(...allowed, '--strict')).toMatchObject({exit: 1})
})
