// SPDX-License-Identifier: MIT

/** What was counted on one CPU. */
export interface Column {
  readonly cpu: number
  /** Row of /proc/interrupts to its count; a row without a change may be absent. */
  readonly interrupts: Readonly<Record<string, number>>
}

export interface Measurement {
  readonly title: string
  readonly columns: readonly Column[]
}

/** Rows of /proc/interrupts in words. */
const NAMED: Readonly<Record<string, string>> = {
  LOC: 'local timer',
  RES: 'rescheduling',
  CAL: 'function call',
  TLB: 'TLB shootdown',
  IWI: 'irq work',
}

/** Rows that are always shown, because readers look for them. */
const ALWAYS = ['LOC', 'RES', 'CAL']

const CELL = 6

/**
 * One row per kind of interrupt, one column per measurement and CPU, the sum last. Fits 80 columns.
 * Pure.
 */
export function interruptTable(measurements: readonly Measurement[]): readonly string[] {
  const moved = measurements.flatMap(({columns}) =>
    columns.flatMap(({interrupts}) => Object.keys(interrupts)),
  )
  const names = [...new Set([...ALWAYS, ...moved])]
  const widthOf = ({title, columns}: Measurement) => Math.max(title.length, columns.length * (CELL + 1) - 1)
  const row = (label: string, text: (measurement: Measurement) => string) =>
    `  ${label.padEnd(20)} ${measurements.map((measurement) => text(measurement).padStart(widthOf(measurement))).join('   ')}`
  const cells = (label: string, cell: (column: Column) => string | number) =>
    row(label, ({columns}) => columns.map((column) => `${cell(column)}`.padStart(CELL)).join(' '))
  return [
    row('', ({title}) => title),
    cells('', ({cpu}) => `CPU ${cpu}`),
    ...names.map((name) =>
      cells(`${name} ${NAMED[name] ?? 'device'}`, ({interrupts}) => interrupts[name] ?? 0),
    ),
    cells('all', ({interrupts}) => Object.values(interrupts).reduce((total, count) => total + count, 0)),
  ]
}
