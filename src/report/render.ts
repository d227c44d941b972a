// SPDX-License-Identifier: MIT

import type {Report} from '../schema/preflight.ts'
import {toJunit} from './junit.ts'
import {toPrometheus} from './prometheus.ts'
import type {RenderOptions} from './render-options.ts'
import {toTap} from './tap.ts'

/** What a whole report can be turned into for other programs. Text is not among them: it is shown as it comes. */
export const FORMATS = ['json', 'junit', 'tap', 'prom'] as const
export type Format = (typeof FORMATS)[number]

/** Ends in a line break, as text files do. Pure. */
export function renderReport(report: Report, format: Format, options: RenderOptions): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(report, null, 2)}\n`
    case 'junit':
      return toJunit(report, options)
    case 'tap':
      return toTap(report, options)
    case 'prom':
      return toPrometheus(report, options)
  }
}
