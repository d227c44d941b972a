// SPDX-License-Identifier: MIT

import {visible} from '../lib/visible.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Report} from '../schema/preflight.ts'
import type {RenderOptions} from './render-options.ts'

export interface Sample {
  /** Appended to the name of the family: "_bucket". */
  readonly suffix?: string
  readonly labels?: Readonly<Record<string, string | number>>
  readonly value: number
}

export type Family = readonly [
  name: string,
  help: string,
  samples: readonly Sample[],
  type?: 'gauge' | 'histogram',
]

/** The numbers of Nagios, and one more for skip. */
const STATUS = {ok: 0, warn: 1, fail: 2, unknown: 3, skip: 4} as const

/**
 * A report for the textfile collector of Prometheus's node_exporter, in the text format 0.0.4.
 * Every metric is a gauge, because it describes one run. The time of the run is one of them, so
 * that an alert can detect that runs no longer happen. Pure.
 */
export function toPrometheus(report: Report, {at}: Pick<RenderOptions, 'at'>): string {
  const {checks, cpus, host, measured = [], window} = report
  const perCpu = (value: (seen: (typeof measured)[number]) => number | undefined) =>
    measured.flatMap((seen) => {
      const number = value(seen)
      return number === undefined ? [] : [{labels: {cpu: seen.cpu}, value: number}]
    })
  const families: readonly Family[] = [
    [
      'preflight_timestamp_seconds',
      'When preflight ended, in seconds since 1970.',
      [{value: Date.parse(at) / 1000}],
    ],
    [
      'preflight_info',
      'What preflight looked at; always 1.',
      [
        {
          labels: {
            version: report.isolctl,
            kernel: host.kernel ?? '',
            isolated: host.isolated,
            policy: report.policy,
          },
          value: 1,
        },
      ],
    ],
    ['preflight_ok', '1 when nothing failed and nothing is unknown.', [{value: Number(report.ok)}]],
    [
      'preflight_window_seconds',
      'How long the CPUs were watched.',
      window ? [{value: window.ms / 1000}] : [],
    ],
    [
      'check_status',
      '0 ok, 1 warning, 2 failed, 3 unknown, 4 skipped.',
      checks.map(({id, status}) => ({labels: {check: id}, value: STATUS[status]})),
    ],
    [
      'cpu_quiet',
      '1 when the CPU was proven quiet, 0 when it was disturbed; absent when neither is known.',
      [...only(cpus.quiet, 1), ...only(cpus.disturbed, 0)],
    ],
    [
      'cpu_interrupts',
      'Interrupts of the CPU while it was watched, by row of /proc/interrupts; rows without a change are absent.',
      measured.flatMap(({cpu, interrupts}) =>
        Object.entries(interrupts).map(([row, value]) => ({labels: {cpu, row}, value})),
      ),
    ],
    [
      'cpu_context_switches',
      'Context switches on the CPU while it was watched.',
      perCpu(({contextSwitches}) => contextSwitches),
    ],
    [
      'cpu_steal_seconds',
      'Time that a hypervisor took from the CPU while it was watched.',
      perCpu(({stealMs}) => stealMs / 1000),
    ],
    [
      'cpu_max_gap_seconds',
      'The longest time for which the CPU did not run its spinner.',
      perCpu(({maxGapNs}) => (maxGapNs === undefined ? undefined : maxGapNs / 1e9)),
    ],
  ]
  return exposition(families)
}

/** The text of families that have samples: gauges, except where the type is given. Pure. */
export const exposition = (families: readonly Family[]): string =>
  families
    .filter(([, , samples]) => samples.length > 0)
    .flatMap(([name, help, samples, type = 'gauge']) => [
      `# HELP isolctl_${name} ${help}`,
      `# TYPE isolctl_${name} ${type}`,
      ...samples.map(
        ({suffix = '', labels = {}, value}) => `isolctl_${name}${suffix}${braces(labels)} ${value}`,
      ),
    ])
    .map((line) => `${line}\n`)
    .join('')

const only = (cpulist: string, value: number): readonly Sample[] =>
  [...CpuSet.parse(cpulist)].map((cpu) => ({labels: {cpu}, value}))

function braces(labels: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(String(value))}"`)
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

const escaped = (text: string): string =>
  text
    .split('\n')
    .map((line) => visible(line).replaceAll('\\', '\\\\').replaceAll('"', '\\"'))
    .join('\\n')
