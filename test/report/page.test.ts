// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {isVisible} from '../../src/lib/visible.ts'
import {compareRuns} from '../../src/measure/compare.ts'
import {emptyRun, withInterval} from '../../src/measure/run.ts'
import {measureReport} from '../../src/report/measure.ts'
import {draw} from '../../src/report/page/charts.ts'
import {htmlPage, svgPicture} from '../../src/report/page/html.ts'
import {markdownPage} from '../../src/report/page/markdown.ts'
import {changeSentence, type RecordedRun, runsPage} from '../../src/report/page/runs.ts'
import type {CpuRecord} from '../../src/schema/measure.ts'
import {head, record} from '../measure/records.ts'

const START = Date.parse('2026-11-22T11:00:00.000Z')
const NOISY = {
  over: 2,
  overNs: 90_000,
  maxNs: 50_000,
  worst: [
    {
      ns: 50_000,
      at: '2026-11-22T11:00:00.500Z',
      id: 'irq',
      label: 'irq 24 (nvme0q1)',
      sentence: 'It fired.',
      help: 'Move it.',
    },
  ],
  causes: [
    {
      id: 'irq',
      label: 'irq 24 (nvme0q1)',
      sentence: 'It fired.',
      help: 'Move it.',
      gaps: 2,
      ns: 90_000,
      maxNs: 50_000,
    },
  ],
  histogram: [
    [0, 49_999_000],
    [120, 1000],
    [240, 2],
  ] as [number, number][],
}

const recorded = ({
  cpus = 1,
  seconds = 3,
  seen = NOISY,
  name = 'lab',
  limit = 100_000,
}: {
  cpus?: number
  seconds?: number
  seen?: Partial<CpuRecord>
  name?: string
  limit?: number
} = {}): RecordedRun => {
  const ids = Array.from({length: cpus}, (_, index) => index + 2)
  const run = Array.from({length: seconds}, (_, second) => second).reduce(
    (sum, second) =>
      withInterval(sum, {
        atMs: START + (second + 1) * 1000,
        cpus: ids.map((cpu) => record({cpu, ...(second === 1 ? seen : {})})),
      }),
    emptyRun(START),
  )
  const base = head({cpus: cpus === 1 ? '2' : `2-${cpus + 1}`, ms: seconds * 1000, failOverNs: limit})
  return {
    file: 'run.json',
    report: measureReport({
      head: {
        ...base,
        host: {...base.host, name},
        spinners: ids.map((cpu) => ({cpu, tickHz: 2e9, loopNs: 20})),
      },
      run,
      whole: ids.map((cpu) => ({cpu, tickHz: 2e9, wholeTickHz: 2e9, smi: 0, aperf: 3e9, mperf: 2e9})),
      lost: new Map(),
    }),
  }
}

const HOSTILE = '<script>alert(1)</script>"\'&`|*_[x](http://evil)\u001b[2J\u202e'

describe('a page of one run', () => {
  const run = recorded()
  const html = htmlPage(runsPage([run]))
  test('begins with the sentence of the run', () => {
    expect(html).toMatch(
      /<h1>CPUs of lab<\/h1>\n<p class="sentence">Passed: the longest gap is 50\.0 us on CPU 2, not over 100 us\.<\/p>/,
    )
  })
  test('has the longest gaps with their cause, and what helps', () => {
    expect(html).toMatch(
      /<td>50\.0 us<\/td><td>2<\/td><td>2026-11-22 11:00:00\.500<\/td><td>irq 24 \(nvme0q1\)<\/td><td>It fired\.<\/td><td>Move it\.<\/td>/,
    )
  })
  test('has a table for each picture', () => {
    const figures = html.split('<figure>').slice(1)
    expect(figures).toHaveLength(3)
    for (const figure of figures) expect(figure).toMatch(/role="img" aria-label="[^"]+".*<svg.*<table>/s)
  })
  test('needs nothing from elsewhere', () => {
    expect(html.replaceAll('http://www.w3.org/', '')).not.toMatch(
      /<script|<link|<img|https?:|url\((?!#)|@import/,
    )
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
  })
  test('uses colours that the style sheet has', () => {
    const used = new Set([...html.matchAll(/var\(--(\w+)\)/g)].map(([, name]) => name))
    const defined = new Set([...html.matchAll(/--(\w+):/g)].map(([, name]) => name))
    expect([...used].filter((name) => !defined.has(name))).toEqual([])
    expect(used.size).toBeGreaterThan(5)
  })
  test('says what was not seen, and for how long a short run was', () => {
    const {report} = run
    const cut = {
      ...report,
      cut: 'interrupted' as const,
      notSeen: [{what: 'softirqs', why: 'no file'}],
      unknown: ['CPU 2: x'],
    }
    const page = htmlPage(runsPage([{file: 'run.json', report: cut}]))
    expect(page).toContain('cut short (interrupted)')
    expect(page).toContain('<li>softirqs: no file</li>')
    expect(page).toContain('<li>CPU 2: x</li>')
  })
})

test('foreign names stay names, in every form', () => {
  const seen = {
    ...NOISY,
    worst: NOISY.worst.map((gap) => ({...gap, label: HOSTILE, sentence: HOSTILE, help: HOSTILE})),
    causes: NOISY.causes.map((cause) => ({...cause, label: HOSTILE, sentence: HOSTILE})),
  }
  const run = {...recorded({seen, name: HOSTILE}), file: HOSTILE}
  const page = runsPage([run, run], run)
  for (const text of [htmlPage(page), svgPicture(page), markdownPage(page)]) {
    expect(text).not.toMatch(/(?<!\\)<script/)
    expect(isVisible(text.replaceAll('\n', ''))).toBe(true)
    expect(text).toContain('alert')
  }
  expect(markdownPage(page)).not.toMatch(/[^\\]\[x\]|[^\\]<|[^\\]`/)
})

describe('a page with a base', () => {
  const base = {...recorded({seconds: 60, seen: {}}), file: 'base.json'}
  const noisy = recorded({
    seconds: 60,
    seen: {
      ...NOISY,
      over: 200,
      histogram: [
        [0, 49_999_000],
        [240, 200],
      ],
    },
  })
  const compared = compareRuns(base.report, noisy.report)
  test('says what is worse, with the numbers', () => {
    expect(changeSentence(compared, base.file)).toBe('The same as base.json.')
    const steady = recorded({seconds: 2, seen: {...NOISY, over: 200}})
    const other = {...recorded({seconds: 2, seen: {}}), file: 'base.json'}
    const worse = {...steady.report, series: {...steady.report.series, cpus: []}}
    expect(changeSentence(compareRuns(other.report, worse), other.file)).toMatch(
      /^Worse than base\.json: gaps 360000 per hour, and not 0 per hour/,
    )
  })
  test('has a table of all that was compared, and the base in the histogram', () => {
    const html = htmlPage(runsPage([{...noisy, compared}], base))
    expect(html).toContain('<h2>Against base.json</h2>')
    for (const quantity of ['gaps of at least 10.0 us', 'p99.9', 'p99.99', 'p99.999', 'longest gap'])
      expect(html).toContain(`<td>${quantity}</td>`)
    expect(html).toContain('<td>base</td>')
  })
})

test('of many runs the page says how many failed, and has a part for each', () => {
  const runs = [recorded(), recorded({limit: 20_000, name: 'other'})]
  const html = htmlPage(runsPage(runs))
  expect(html).toContain('Of 2 runs, 1 failed, 1 passed.')
  expect(html).toContain('<h2>other: run.json</h2>')
})

describe('the pictures', () => {
  test('join no buckets across empty ones', () => {
    const point = (bucket: number) => ({bucket, ns: 2 ** (bucket / 16) * 100, count: 10})
    const lines = (points: ReturnType<typeof point>[]) => [{name: 'CPU 2', points}]
    const pathOf = (points: ReturnType<typeof point>[]) =>
      draw({kind: 'histogram', lines: lines(points), thresholdNs: 10_000}).svg.match(
        /<path d="[^"]*" fill="none"[^>]* stroke="var\(--line1\)"[^>]*>/g,
      ) ?? []
    const moves = (paths: readonly string[]) => paths.join('').match(/M/g)?.length ?? 0
    expect(moves(pathOf([10, 11, 12, 13].map(point)))).toBe(1)
    expect(moves(pathOf([10, 11, 20, 21].map(point)))).toBe(2)
  })
  test('have no cell where it was quiet, and a grey one where nothing was watched', () => {
    const fills = (cells: (number | null)[][]) =>
      draw({kind: 'heat', rows: ['CPU 2'], columns: ['a', 'b', 'c'], cells, thresholdNs: 10_000}).svg
    const count = (svg: string, colour: string) => svg.split(`fill="var(--${colour})"`).length
    const [quiet, hot, blind] = [[[300, 300, 300]], [[300, 20_000, 5e6]], [[null, 300, 300]]].map(fills)
    if (quiet === undefined || hot === undefined || blind === undefined) throw new Error('no pictures')
    expect(count(hot, 'heat1') - count(quiet, 'heat1')).toBe(1)
    expect(count(hot, 'heat4') - count(quiet, 'heat4')).toBe(1)
    expect(count(blind, 'none') - count(quiet, 'none')).toBe(1)
  })
})

test('a long run of many CPUs is a small page', () => {
  const run = recorded({cpus: 64, seconds: 4})
  const cells = Array.from({length: 512}, (_, cell) => (cell % 3 === 0 ? 20_000 : 300))
  const series = {
    cellMs: 256_000,
    cpus: run.report.series.cpus.map(({cpu}) => ({cpu, maxNs: cells, over: cells.map(() => 1)})),
  }
  const html = htmlPage(runsPage([{...run, report: {...run.report, series}}]))
  expect(html.length).toBeLessThan(2_000_000)
}, 60_000)
