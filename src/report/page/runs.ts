// SPDX-License-Identifier: MIT
import {elapsedText} from '../../lib/progress.ts'
import {count} from '../../lib/text.ts'
import {type ComparedRuns, type Comparison, gapsFrom, seenIn} from '../../measure/compare.ts'
import type {MeasureReport} from '../../schema/measure.ts'
import {formatNs, percentName, verdictLine} from '../measure.ts'
import type {Block, Line, Page, Section, Table} from './blocks.ts'

/** A run, and the file that it was read from. */
export interface RecordedRun {
  readonly file: string
  readonly report: MeasureReport
}

/** A run, and how it stands to the base, if there is one. */
export interface ShownRun extends RecordedRun {
  readonly compared?: ComparedRuns | undefined
}

/** How many lines one histogram shows, before it becomes unreadable. */
const LINES = 8
const WORST = 10
const CAUSES = 10
/** About how many cells a heat map has at most: each one is 150 bytes of the page. */
const CELLS = 5000

/** A page about runs of isolctl measure. Pure. */
export function runsPage(runs: readonly ShownRun[], base?: RecordedRun): Page {
  const sections = runs.flatMap((run) => [
    ...(runs.length === 1 ? [] : [overview(run)]),
    ...sectionsOf(run, base),
  ])
  return {
    title:
      runs.length === 1
        ? `CPUs of ${runs[0]?.report.host.name}`
        : `${count(runs.length, 'run')} of isolctl measure`,
    sentence: pageSentence(runs, base),
    sections,
  }
}

const overview = ({file, report}: ShownRun): Section => ({
  title: `${report.host.name}: ${file}`,
  blocks: [{text: verdictLine(report)}],
})

/** The sentence of all runs: the worst one decides. Pure. */
export function pageSentence(runs: readonly ShownRun[], base?: RecordedRun): string {
  const [only] = runs
  if (runs.length === 1 && only !== undefined)
    return [
      verdictLine(only.report),
      ...(base && only.compared ? [changeSentence(only.compared, base.file)] : []),
    ].join(' ')
  const number = (has: (report: MeasureReport) => boolean) => runs.filter(({report}) => has(report)).length
  const limited = ({asked}: MeasureReport) => asked.failOverNs !== undefined
  const parts = [
    [number(({verdict}) => verdict === 'over'), 'failed'],
    [number(({verdict}) => verdict === 'unknown'), 'could not see all'],
    [number((report) => report.verdict === 'ok' && limited(report)), 'passed'],
    [number((report) => report.verdict === 'ok' && !limited(report)), 'had no limit'],
  ] as const
  const verdicts = `Of ${count(runs.length, 'run')}, ${parts.flatMap(([runs, what]) => (runs > 0 ? [`${runs} ${what}`] : [])).join(', ')}.`
  if (base === undefined) return verdicts
  const changed = (change: ComparedRuns['change']) =>
    runs.filter(({compared}) => compared?.change === change).length
  return `${verdicts} Against ${base.file}, ${changed('worse')} are worse, ${changed('unknown')} cannot be compared, ${changed('same')} are the same, ${changed('better')} are better.`
}

const CHANGES = {
  worse: 'Worse than',
  better: 'Better than',
  same: 'The same as',
  unknown: 'It cannot be compared with',
} as const

/** "Worse than old.json: gaps 12 per hour, and not 3." Pure. */
export function changeSentence({change, quantities}: ComparedRuns, base: string): string {
  const deciding = quantities.filter((each) => each.change === change && change !== 'same')
  const words = deciding.map(
    ({quantity, unit, base: was, run: is}) =>
      `${quantity} ${valueText(is, unit)}, and not ${valueText(was, unit)}`,
  )
  return `${CHANGES[change]} ${base}${change === 'unknown' || words.length === 0 ? '' : `: ${words.join('; ')}`}.`
}

const valueText = (value: number | undefined, unit: Comparison['unit']): string =>
  value === undefined ? '?' : unit === 'ns' ? formatNs(value) : `${Number(value.toPrecision(3))} per hour`

function sectionsOf(run: ShownRun, base: RecordedRun | undefined): readonly Section[] {
  const {report, compared} = run
  return [
    ...(compared && base ? [comparisonSection(compared, base)] : []),
    {title: 'Gaps', blocks: [cpuTable(report), histogramBlock(report, base?.report)]},
    {title: 'Over time', blocks: [heatBlock(report)]},
    {title: 'Causes', blocks: causeBlocks(report)},
    {title: 'Longest gaps', blocks: [worstTable(report)]},
    {title: 'How it was measured', blocks: circumstances(run)},
  ]
}

function comparisonSection({thresholdNs, quantities}: ComparedRuns, base: RecordedRun): Section {
  const rows = quantities.map(({quantity, unit, base: was, run: is, change, why}) => [
    quantity === 'gaps' ? `gaps of at least ${formatNs(thresholdNs)}` : quantity,
    valueText(was, unit),
    valueText(is, unit),
    change === 'unknown' ? 'cannot be told' : change,
    why ?? '',
  ])
  return {
    title: `Against ${base.file}`,
    blocks: [
      {
        table: {
          caption: `All CPUs together; base: ${base.report.host.name}, Linux ${base.report.host.kernel ?? '?'}, ${elapsedText(base.report.measuredMs)}`,
          head: ['quantity', 'base', 'this run', 'change', 'why'],
          rows,
        },
      },
      {
        text: 'A difference is called one if it lies beyond three standard deviations of chance. Gaps that come in bursts count for less. Percentiles must also differ by a quarter and by 100 ns.',
      },
    ],
  }
}

function cpuTable({cpus, asked}: MeasureReport): Block {
  const shares = cpus[0]?.percentiles.map(({share}) => percentName(share)) ?? []
  return {
    table: {
      caption: 'Each CPU',
      head: [
        'CPU',
        'watched',
        `gaps >= ${formatNs(asked.thresholdNs)}`,
        ...shares,
        'longest',
        'when (UTC)',
        'cause of the longest',
      ],
      rows: cpus.map((cpu) => [
        `${cpu.cpu}`,
        elapsedText(cpu.ns / 1e6),
        `${Math.round(cpu.over)}`,
        ...cpu.percentiles.map(({ns}) => (ns === undefined ? 'too few samples' : formatNs(ns))),
        formatNs(cpu.maxNs),
        cpu.maxAt?.slice(0, 23).replace('T', ' ') ?? '-',
        cpu.worst[0]?.label ?? '-',
      ]),
    },
  }
}

/** The histograms of some CPUs of a run as one line. Buckets of unequal clocks are moved to those of 1 GHz. */
function lineOf(name: string, report: MeasureReport, cpus: MeasureReport['cpus']): Line {
  const only: MeasureReport = {...report, cpus}
  const merged = new Map<number, {ns: number; count: number}>()
  for (const {lowNs, highNs, count} of seenIn(only).buckets) {
    // The axis begins at 1 ns: passes without any gap are drawn there.
    const ns = Math.max(1, (lowNs + highNs) / 2)
    const bucket = Math.floor(Math.log2(ns) * 16)
    const before = merged.get(bucket)
    merged.set(bucket, {ns: before?.ns ?? ns, count: (before?.count ?? 0) + count})
  }
  const points = [...merged].sort(([a], [b]) => a - b)
  return {name, points: points.map(([bucket, {ns, count}]) => ({bucket, ns, count}))}
}

const DECADES = [1e3, 1e4, 1e5, 1e6, 1e7] as const

function histogramBlock(report: MeasureReport, base: MeasureReport | undefined): Block {
  const longest = [...report.cpus].sort((a, b) => b.maxNs - a.maxNs)
  const many = longest.length > LINES
  const shown = (many ? longest.slice(0, 3) : longest).sort((a, b) => a.cpu - b.cpu)
  const lines = [
    ...(many ? [lineOf('all CPUs', report, report.cpus)] : []),
    ...shown.map((cpu) => lineOf(`CPU ${cpu.cpu}`, report, [cpu])),
    ...(base ? [{...lineOf('base', base, base.cpus), base: true}] : []),
  ]
  const row = (name: string, of: MeasureReport) => {
    const seen = seenIn(of)
    return [name, ...DECADES.map((ns) => `${gapsFrom(seen, ns)}`)]
  }
  return {
    title: many
      ? 'How often which gap was seen: all CPUs, and the three with the longest gaps'
      : 'How often which gap was seen',
    chart: {kind: 'histogram', lines, thresholdNs: report.asked.thresholdNs},
    table: {
      caption: 'Gaps of at least this length',
      head: ['CPU', ...DECADES.map(formatNs)],
      rows: [
        ...report.cpus.map((cpu) => row(`${cpu.cpu}`, {...report, cpus: [cpu]})),
        ...(base ? [row('base', base)] : []),
      ],
    },
  }
}

/** The cells of a row made fewer: the longest gap of each `size` of them. */
const binned = (cells: readonly (number | null)[], size: number): (number | null)[] =>
  Array.from({length: Math.ceil(cells.length / size)}, (_, index) => {
    const known = cells.slice(index * size, (index + 1) * size).filter((ns) => ns !== null)
    return known.length === 0 ? null : Math.max(...known)
  })

function heatBlock({series, start, asked, cpus}: MeasureReport): Block {
  const length = Math.max(1, ...series.cpus.map(({maxNs}) => maxNs.length))
  const size = Math.max(1, Math.ceil((length * series.cpus.length) / CELLS))
  const rows = series.cpus.map(({cpu}) => `CPU ${cpu}`)
  const cells = series.cpus.map(({maxNs}) => binned(maxNs, size))
  const cellMs = series.cellMs * size
  const timeOf = (column: number) => new Date(Date.parse(start) + column * cellMs).toISOString().slice(11, 19)
  const columns = Array.from({length: Math.ceil(length / size)}, (_, column) => timeOf(column))
  const table: Table = {
    caption: `The cells with the longest gaps; a cell is ${elapsedText(cellMs)}`,
    head: ['CPU', 'cells with a gap', 'longest, at'],
    rows: cells.map((row, index) => {
      const found = row.flatMap((ns, column) =>
        ns !== null && ns >= asked.thresholdNs ? [{ns, column}] : [],
      )
      const worst = [...found].sort((a, b) => b.ns - a.ns).slice(0, 3)
      return [
        `${series.cpus[index]?.cpu}`,
        `${found.length} of ${row.filter((ns) => ns !== null).length}`,
        worst.map(({ns, column}) => `${formatNs(ns)} at ${timeOf(column)}`).join(', ') || '-',
      ]
    }),
  }
  if (cpus.length === 0) return {text: 'Nothing was recorded.'}
  return {
    title: `The longest gap of each ${elapsedText(cellMs)}`,
    chart: {kind: 'heat', rows, columns, cells, thresholdNs: asked.thresholdNs},
    table,
  }
}

function causeBlocks({cpus, asked}: MeasureReport): readonly Block[] {
  const sums = new Map<
    string,
    {label: string; sentence: string; help?: string | undefined; gaps: number; ns: number; maxNs: number}
  >()
  for (const {label, sentence, help, gaps, ns, maxNs, id} of cpus.flatMap(({causes}) => causes)) {
    const name = id === 'one-of' ? `one of: ${label}` : label
    const before = sums.get(name)
    sums.set(name, {
      ...{label: name, sentence, help},
      gaps: gaps + (before?.gaps ?? 0),
      ns: ns + (before?.ns ?? 0),
      maxNs: Math.max(maxNs, before?.maxNs ?? 0),
    })
  }
  const causes = [...sums.values()].sort((a, b) => b.ns - a.ns)
  if (causes.length === 0) return [{text: `No gap was as long as ${formatNs(asked.thresholdNs)}.`}]
  const shown = causes.slice(0, CAUSES)
  return [
    {
      title: 'Time that each cause took, of all CPUs',
      chart: {kind: 'bars', bars: shown.map(({label, ns}) => ({name: label, ns}))},
      table: {
        caption:
          shown.length < causes.length
            ? `The first ${shown.length} of ${causes.length} causes`
            : 'All causes',
        head: ['cause', 'gaps', 'in all', 'longest', 'what it is', 'help'],
        rows: shown.map(({label, gaps, ns, maxNs, sentence, help}) => [
          label,
          `${Math.round(gaps)}`,
          formatNs(ns),
          formatNs(maxNs),
          sentence,
          help ?? '-',
        ]),
      },
    },
  ]
}

function worstTable({cpus, asked}: MeasureReport): Block {
  const all = cpus.flatMap(({cpu, worst}) => worst.map((gap) => ({cpu, ...gap}))).sort((a, b) => b.ns - a.ns)
  if (all.length === 0) return {text: `No gap was as long as ${formatNs(asked.thresholdNs)}.`}
  return {
    table: {
      caption: `The longest ${Math.min(WORST, all.length)}`,
      head: ['gap', 'CPU', 'when (UTC)', 'cause', 'what it is', 'help'],
      rows: all
        .slice(0, WORST)
        .map(({ns, cpu, at, label, sentence, help}) => [
          formatNs(ns),
          `${cpu}`,
          at.slice(0, 23).replace('T', ' '),
          label,
          sentence,
          help ?? '-',
        ]),
    },
  }
}

function circumstances({file, report}: ShownRun): readonly Block[] {
  const {host, start, asked, policy, isolate, measuredMs, spinners, unknown, notSeen, cut} = report
  const loops = spinners.map(({loopNs}) => loopNs)
  return [
    {
      table: {
        caption: 'The run',
        head: ['what', 'value'],
        rows: [
          ['file', file],
          ['host', host.name],
          ['kernel', host.kernel ?? 'not known'],
          ['virtual machine', host.guest ?? 'no sign of one'],
          ['clock source', host.clocksource ?? 'not known'],
          ['start', start.slice(0, 19).replace('T', ' ')],
          [
            'measured',
            `${elapsedText(measuredMs)}${cut === undefined ? '' : `, cut short (${cut}); ${elapsedText(asked.ms)} were asked for`}`,
          ],
          ['CPUs', asked.cpus],
          ['policy', `${policy}${isolate ? ', isolated' : ''}`],
          ['limit', asked.failOverNs === undefined ? 'none' : formatNs(asked.failOverNs)],
          [
            'one pass of the loop',
            loops.length === 0 ? '-' : `${formatNs(Math.min(...loops))} to ${formatNs(Math.max(...loops))}`,
          ],
          ['isolctl', report.isolctl],
        ],
      },
    },
    ...(unknown.length > 0 ? [{text: 'Not known:'}, {list: unknown}] : []),
    ...(notSeen.length > 0
      ? [{text: 'Not seen (missing, not zero):'}, {list: notSeen.map(({what, why}) => `${what}: ${why}`)}]
      : []),
  ]
}
