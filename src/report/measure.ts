// SPDX-License-Identifier: MIT

import {elapsedText} from '../lib/progress.ts'
import {count, table, wrap} from '../lib/text.ts'
import {percentile, samplesNeeded} from '../measure/histogram.ts'
import {histogramOf, type Run} from '../measure/run.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {CpuRecord, MeasureHead, MeasureReport, Whole} from '../schema/measure.ts'
import {page} from './colour.ts'

export interface MeasureOutcome {
  readonly head: MeasureHead
  readonly run: Run
  /** What each spinner printed at its end; none after a crash. */
  readonly whole: readonly Whole[]
  /** CPU to the reason for which its record is not what was asked for. */
  readonly lost: ReadonlyMap<number, string>
  readonly cut?: 'interrupted' | 'recovered' | undefined
  /** Lines of the journal that could not be read. */
  readonly damaged?: number
}

/** The percentiles of the report, as shares. */
const SHARES = [0.999, 0.9999, 0.99999] as const

/** In a run that was cut short, a CPU may have been watched for less than another one by this. */
const BEHIND_NS = 2e9

/** The rate of the counter may differ from the one at the start by this share. */
const DRIFT = 1e-3

const UNSTABLE_CLOCKS = ['hpet', 'acpi_pm', 'jiffies', 'refined-jiffies', 'pit']

/** A measurement as `isolctl.measure/1`. Pure. */
export function measureReport(outcome: MeasureOutcome): MeasureReport {
  const {head, run, whole, cut} = outcome
  const records = [...CpuSet.parse(head.asked.cpus)].flatMap((cpu) => run.cpus.get(cpu) ?? [])
  const measuredMs = records.length === 0 ? 0 : Math.min(...records.map(({ns}) => ns / 1e6))
  const cpus = records.map((record) => ({
    ...record,
    percentiles: percentilesOf(record, head),
    ...registers(
      head,
      whole.find(({cpu}) => cpu === record.cpu),
    ),
  }))
  const unknown = unknownOf(outcome, cpus)
  const {failOverNs} = head.asked
  const over = failOverNs !== undefined && cpus.some((cpu) => cpu.backwards === 0 && cpu.maxNs > failOverNs)
  return {
    schema: 'isolctl.measure/1',
    ...head,
    measuredMs: Math.floor(measuredMs),
    ...(cut === undefined ? {} : {cut}),
    verdict: over ? 'over' : unknown.length > 0 ? 'unknown' : 'ok',
    unknown,
    notSeen: notSeen(outcome, records),
    cpus,
    series: {
      ...run.series,
      cpus: [...run.series.cpus].sort((a, b) => a.cpu - b.cpu),
    },
  }
}

type MeasuredCpu = MeasureReport['cpus'][number]

function percentilesOf(record: CpuRecord, {spinners}: MeasureHead): MeasuredCpu['percentiles'] {
  const hertz = spinners.find(({cpu}) => cpu === record.cpu)?.tickHz
  const histogram = histogramOf(record.histogram)
  return SHARES.map((share) => {
    const ticks = percentile(histogram, share)
    return ticks === undefined || hertz === undefined
      ? {share, needs: samplesNeeded(share)}
      : {share, ns: Math.round((ticks / hertz) * 1e9)}
  })
}

function registers({spinners}: MeasureHead, whole: Whole | undefined): Pick<MeasuredCpu, 'smi' | 'ghz'> {
  if (whole === undefined) return {}
  const {smi, aperf, mperf, cpu} = whole
  const hertz = spinners.find((spinner) => spinner.cpu === cpu)?.tickHz
  const known = typeof aperf === 'number' && typeof mperf === 'number' && mperf > 0 && hertz !== undefined
  return {
    ...(typeof smi === 'number' ? {smi} : {}),
    // MPERF counts at the rate of the time stamp counter (Intel SDM, volume 3, 16.2).
    ...(known ? {ghz: Math.round((aperf / mperf) * (hertz / 1e6)) / 1e3} : {}),
  }
}

/** What should have been seen, and was not: the run proves less than was asked for. */
function unknownOf(
  {head, lost, whole, cut, damaged = 0}: MeasureOutcome,
  cpus: readonly MeasuredCpu[],
): string[] {
  const {asked, host} = head
  const short = (cpu: number, ns: number) =>
    `CPU ${cpu}: watched for ${elapsedText(ns / 1e6)}, and not the ${elapsedText(asked.ms)} that were asked for`
  const clock = host.clocksource
  const longest = cpus.reduce((most, each) => (each.ns > most.ns ? each : most), {cpu: 0, ns: 0})
  return [
    ...(damaged > 0
      ? [`${count(damaged, 'line')} of the journal ${damaged === 1 ? 'is' : 'are'} damaged`]
      : []),
    ...(head.isolate && cut === 'recovered'
      ? ['whether isolation lasted: the isolation record is read when a run ends']
      : []),
    ...(clock !== undefined && UNSTABLE_CLOCKS.includes(clock)
      ? [
          `the clock source is ${clock}: the kernel does not use the time stamp counter, which measures the gaps`,
        ]
      : []),
    ...[...CpuSet.parse(asked.cpus)].flatMap((cpu) => {
      const seen = cpus.find((each) => each.cpu === cpu)
      const why = lost.get(cpu)
      if (seen === undefined) return [`CPU ${cpu}: ${why ?? 'nothing was recorded'}`]
      const {wholeTickHz = 0, tickHz = 0} = whole.find((each) => each.cpu === cpu) ?? {}
      const drift = tickHz > 0 && Math.abs(wholeTickHz / tickHz - 1) > DRIFT
      const few = seen.percentiles.filter(({ns}) => ns === undefined)
      return [
        ...(why === undefined ? [] : [`CPU ${cpu}: ${why}`]),
        ...(seen.movedTo === undefined
          ? []
          : [`CPU ${cpu} was taken away: its spinner was found on CPU ${seen.movedTo}`]),
        ...(seen.backwards > 0
          ? [`CPU ${cpu}: the time stamp counter went back ${count(seen.backwards, 'time')}`]
          : []),
        ...(drift
          ? [`CPU ${cpu}: the time stamp counter is not constant: ${tickHz} Hz, then ${wholeTickHz} Hz`]
          : []),
        ...(cut !== undefined && why === undefined && seen.ns < longest.ns - BEHIND_NS
          ? [
              `CPU ${cpu}: watched for ${elapsedText(seen.ns / 1e6)}, and CPU ${longest.cpu} for ${elapsedText(longest.ns / 1e6)}`,
            ]
          : []),
        ...(seen.ns / 1e6 < asked.ms && cut === undefined && why === undefined ? [short(cpu, seen.ns)] : []),
        ...(few.length > 0
          ? [
              `CPU ${cpu}: ${count(seen.samples, 'sample')}: too few for ${few.map(({share}) => percentName(share)).join(', ')}`,
            ]
          : []),
      ]
    }),
  ]
}

/** Counters that the machine did not give. They are missing in the report, and not zero. */
function notSeen({run, whole, cut}: MeasureOutcome, records: readonly CpuRecord[]): MeasureReport['notSeen'] {
  const all = (has: (record: CpuRecord) => boolean) => records.length > 0 && records.every(has)
  const register = (key: 'smi' | 'aperf') => {
    const [first] = whole
    if (first === undefined) return 'it is read when a run ends'
    const value = whole.map((each) => each[key]).find((each) => typeof each === 'string')
    return value === undefined ? undefined : `/dev/cpu/${first.cpu}/msr: ${value}`
  }
  const [smi, frequency] = [register('smi'), register('aperf')]
  return [
    ...(smi === undefined ? [] : [{what: 'system management interrupts', why: smi}]),
    ...(frequency === undefined ? [] : [{what: 'frequency', why: frequency}]),
    ...(all(({throttled}) => throttled !== undefined)
      ? []
      : [{what: 'thermal throttling', why: 'the CPU has no thermal_throttle counters'}]),
    ...(all(({softirqs}) => softirqs !== undefined)
      ? []
      : [{what: 'softirqs', why: '/proc/softirqs cannot be read'}]),
    ...(all(({waitedNs}) => waitedNs !== undefined)
      ? []
      : [{what: 'waiting time', why: 'the kernel has no /proc/PID/schedstat'}]),
    ...(run.cpus.size > 0 || cut !== 'recovered' ? [] : [{what: 'gaps', why: 'the journal has no interval'}]),
  ]
}

/** "p99.9" */
export const percentName = (share: number): string => `p${Number((share * 100).toFixed(6))}`

/** "812 ns", "21.3 us", "5.02 ms", "1.20 s" */
export function formatNs(ns: number): string {
  if (ns < 1000) return `${Math.round(ns)} ns`
  const [unit, size] =
    ns < 1e6 ? (['us', 1e3] as const) : ns < 1e9 ? (['ms', 1e6] as const) : (['s', 1e9] as const)
  return `${(ns / size).toPrecision(3)} ${unit}`
}

/** How many causes of a CPU, and how many gaps of all, are printed. */
const SHOWN_CAUSES = 5

/** The page on the terminal: verdict, table, causes, what was not seen. Pure. */
export function renderMeasure(report: MeasureReport, {width}: {readonly width: number}): string {
  const {asked, cpus, spinners, unknown, notSeen, cut} = report
  const header = [
    'CPU',
    `gaps >= ${formatNs(asked.thresholdNs)}`,
    ...SHARES.map(percentName),
    'max',
    'when (UTC)',
    'cause of the longest',
  ]
  const rows = cpus.map((cpu) => [
    `${cpu.cpu}`,
    `${Math.round(cpu.over)}`,
    ...cpu.percentiles.map(({ns}) => (ns === undefined ? '?' : formatNs(ns))),
    formatNs(cpu.maxNs),
    cpu.maxAt === undefined ? '-' : cpu.maxAt.slice(11, 23),
    cpu.worst[0]?.label ?? '-',
  ])
  const loop = spinners.map(({loopNs}) => loopNs)
  const notes = [
    `${elapsedText(report.measuredMs)} on CPU ${asked.cpus}, policy ${report.policy}${report.isolate ? ', isolated' : ''}${
      cut === undefined ? '' : `, cut short (${cut}): ${elapsedText(asked.ms)} were asked for`
    }`,
    `one pass of the loop: ${formatNs(Math.min(...loop))} to ${formatNs(Math.max(...loop))}, subtracted from every gap`,
  ]
  const lines = (text: string, indent = 2) =>
    wrap(text.split(' '), {width}).map((line) => ' '.repeat(indent) + line)
  return page([
    ...wrap(verdictLine(report).split(' '), {width}),
    ...notes.flatMap((note) => lines(note)),
    '',
    ...table([header, ...rows]),
    ...cpus.flatMap((cpu) => causeLines(cpu, lines)),
    ...(unknown.length > 0 ? ['', 'not known:', ...unknown.flatMap((text) => lines(text))] : []),
    ...(notSeen.length > 0
      ? ['', 'not seen (missing, not zero):', ...notSeen.flatMap(({what, why}) => lines(`${what}: ${why}`))]
      : []),
  ])
}

/** The first sentence of a report: what became of the run, and its longest gap. Pure. */
export function verdictLine({verdict, asked, cpus, unknown}: MeasureReport): string {
  const longest = [...cpus].sort((a, b) => b.maxNs - a.maxNs)[0]
  const limit = asked.failOverNs
  const most =
    longest === undefined
      ? 'nothing was measured'
      : `the longest gap is ${formatNs(longest.maxNs)} on CPU ${longest.cpu}`
  if (verdict === 'over' && limit !== undefined) return `Failed: ${most}, over ${formatNs(limit)}.`
  if (verdict === 'unknown') return `Unknown: ${unknown[0]}; ${most}.`
  return limit === undefined ? `Measured: ${most}.` : `Passed: ${most}, not over ${formatNs(limit)}.`
}

function causeLines(cpu: MeasuredCpu, lines: (text: string, indent?: number) => readonly string[]) {
  const shown = cpu.causes.slice(0, SHOWN_CAUSES)
  if (shown.length === 0) return []
  const more = cpu.causes.length - shown.length
  return [
    '',
    `CPU ${cpu.cpu}:`,
    ...shown.flatMap(({label, sentence, help, gaps, ns, maxNs, id}) => [
      ...lines(
        `${count(Math.round(gaps), 'gap')}, ${formatNs(ns)} in all, ${formatNs(maxNs)} at most: ${id === 'one-of' ? `one of: ${sentence}` : `${label}: ${sentence}`}`,
      ),
      ...(help === undefined ? [] : lines(`help: ${help}`, 4)),
    ]),
    ...(more > 0 ? lines(`and ${count(more, 'more cause')}`) : []),
  ]
}
