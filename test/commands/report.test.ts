// SPDX-License-Identifier: MIT
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, it} from 'vitest'
import {firstLine} from '../../src/measure/journal.ts'
import {emptyRun, withInterval} from '../../src/measure/run.ts'
import {measureReport} from '../../src/report/measure.ts'
import {RunsSchema} from '../../src/schema/runs.ts'
import {head, record} from '../measure/records.ts'
import {isolctl} from './isolctl.ts'

let folder = ''
const file = (name: string) => join(folder, name)
const START = Date.parse('2026-11-22T11:00:00.000Z')

/** A run of a hundred seconds with as many gaps of 20 us in each. */
function run(gaps: number): string {
  const second = record({
    over: gaps,
    maxNs: 20_000,
    histogram: [
      [0, 49_999_000],
      [172, gaps],
    ],
  })
  const seen = Array.from({length: 100}).reduce(
    (sum: ReturnType<typeof emptyRun>, _, index) =>
      withInterval(sum, {atMs: START + (index + 1) * 1000, cpus: [second]}),
    emptyRun(START),
  )
  const whole = [{cpu: 2, tickHz: 2e9, wholeTickHz: 2e9, smi: 0, aperf: 3e9, mperf: 2e9}]
  return JSON.stringify(measureReport({head: head({ms: 100_000}), run: seen, whole, lost: new Map()}))
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  await writeFile(file('quiet.json'), run(1))
  await writeFile(file('noisy.json'), run(9))
  await writeFile(file('other.json'), '{"schema":"isolctl.report/1"}')
  await writeFile(file('cut.json'), run(1).slice(0, 500))
  const {start: _, ...rest} = JSON.parse(run(1))
  await writeFile(file('no-time.json'), JSON.stringify({start: 'yesterday', ...rest}))
  const [cpu] = rest.cpus
  const odd = {...cpu, histogram: [[1e9, 1]]}
  await writeFile(file('no-bucket.json'), JSON.stringify({...JSON.parse(run(1)), cpus: [odd]}))
  await writeFile(
    file('nothing.json'),
    JSON.stringify({...JSON.parse(run(1)), cpus: [], series: {cellMs: 1000, cpus: []}, spinners: []}),
  )
  await writeFile(file('x.journal'), firstLine(head(), emptyRun(START)))
})
afterAll(() => rm(folder, {recursive: true}))

it('says what became of a run, and exits with 0', async () => {
  const {exit, stdout, stderr} = await isolctl('report', file('quiet.json'))
  expect({exit, stderr}).toEqual({exit: 0, stderr: ''})
  expect(stdout).toBe('Measured: the longest gap is 20.0 us on CPU 2.\n')
})

it('gates on a base', async () => {
  const against = (name: string, base: string) => isolctl('report', file(name), '--against', file(base))
  expect(await against('noisy.json', 'quiet.json')).toMatchObject({
    exit: 1,
    stdout: expect.stringContaining('Worse than quiet.json: gaps 32400 per hour, and not 3600 per hour'),
  })
  expect(await against('quiet.json', 'noisy.json')).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('Better than noisy.json'),
  })
  expect(await against('quiet.json', 'quiet.json')).toMatchObject({
    exit: 0,
    stdout: expect.stringContaining('The same as quiet.json.'),
  })
})

it('writes a page in the form that its name tells', async () => {
  for (const [name, start] of [
    ['p.html', '<!doctype html>'],
    ['p.svg', '<svg xmlns='],
    ['p.md', '# CPUs of lab'],
  ] as const) {
    expect(
      await isolctl('report', file('noisy.json'), '--against', file('quiet.json'), '-o', file(name)),
    ).toMatchObject({exit: 1})
    expect((await readFile(file(name), 'utf8')).startsWith(start)).toBe(true)
  }
}, 60_000)

it('takes many runs, and has a line for each', async () => {
  const {stdout, exit} = await isolctl('report', file('quiet.json'), file('noisy.json'), '--json')
  expect(exit).toBe(0)
  const report = RunsSchema.parse(JSON.parse(stdout))
  expect(report.sentence).toBe('Of 2 runs, 2 had no limit.')
  expect(report.runs.map(({file}) => file)).toEqual(['quiet.json', 'noisy.json'])
  expect((await isolctl('report', file('quiet.json'), file('noisy.json'))).stdout.split('\n')).toHaveLength(4)
})

it.each([
  ['a file that is not there', ['none.json'], 69, 'ENOENT'],
  ['another report', ['other.json'], 69, 'is no result of isolctl measure'],
  ['a file that is cut short', ['cut.json'], 69, 'is no result of isolctl measure'],
  ['a time that is none', ['no-time.json'], 69, 'is no result of isolctl measure'],
  ['a bucket that is none', ['no-bucket.json'], 69, 'is no result of isolctl measure'],
  ['a journal', ['x.journal'], 69, 'the journal of a run that did not end'],
])('refuses %s, and says what to do', async (_, names, exit, words) => {
  const found = await isolctl('report', ...names.map(file))
  expect(found).toMatchObject({exit, stdout: '', stderr: expect.stringContaining(words)})
  if (words !== 'ENOENT') expect(found.stderr).toContain('help: ')
})

it('refuses a page whose form is not known before it reads anything', async () => {
  const found = await isolctl('report', file('none.json'), '-o', file('page.pdf'))
  expect(found).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining('name it page.html, page.md or page.svg'),
  })
})

it('shows a run in which nothing was recorded as one', async () => {
  const {exit, stdout} = await isolctl('report', file('nothing.json'), '-o', file('n.html'))
  expect({exit, stdout}).toEqual({exit: 0, stdout: 'Measured: nothing was measured.\n'})
  expect(await readFile(file('n.html'), 'utf8')).toContain('Nothing was recorded.')
  expect(await isolctl('report', file('nothing.json'), '--against', file('quiet.json'))).toMatchObject({
    exit: 3,
  })
}, 60_000)

it('has one line for each run, also where a name has a newline', async () => {
  const {host, ...rest} = JSON.parse(run(1))
  await writeFile(file('forged.json'), JSON.stringify({host: {...host, name: 'x\nok.json: passed'}, ...rest}))
  const {stdout} = await isolctl('report', file('forged.json'), file('quiet.json'))
  expect(stdout.split('\n')).toHaveLength(4)
  expect(stdout).toContain('forged.json (x\\u000aok.json: passed)')
})

it('refuses to do without a file', async () => {
  expect(await isolctl('report')).toMatchObject({exit: 2})
})
