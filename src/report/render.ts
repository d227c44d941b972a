// SPDX-License-Identifier: MIT

import {jsonText} from '../lib/visible.ts'
import type {Report} from '../schema/preflight.ts'
import {toJunit} from './junit.ts'
import {toPrometheus} from './prometheus.ts'
import type {RenderOptions} from './render-options.ts'
import {toTap} from './tap.ts'

/**
 * The formats of a whole report, for other programs. Text is not one of them, because it is printed
 * during the run.
 */
export const FORMATS = ['json', 'junit', 'tap', 'prom'] as const
export type Format = (typeof FORMATS)[number]

/** The report in a format, with a line break at its end. Pure. */
export function renderReport(report: Report, format: Format, options: RenderOptions): string {
  switch (format) {
    case 'json':
      return `${jsonText(report, 2)}\n`
    case 'junit':
      return toJunit(report, options)
    case 'tap':
      return toTap(report, options)
    case 'prom':
      return toPrometheus(report, options)
  }
}
