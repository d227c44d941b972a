// SPDX-License-Identifier: MIT
import {Document, visit} from 'yaml'
import {isVisible, visible, visibleLines} from '../lib/visible.ts'
import type {Report} from '../schema/preflight.ts'
import {fails} from './plain-finding.ts'
import type {RenderOptions} from './render-options.ts'

/**
 * A report as TAP 14 (https://testanything.org/tap-version-14-specification.html), with one test
 * point for each check. A failure that --allow permits is a TODO, which a harness does not count as
 * a failure. Unknown is "not ok" with a reason. Pure.
 */
export function toTap({checks}: Report, {strict}: Pick<RenderOptions, 'strict'>): string {
  const points = checks.flatMap((check, index) => {
    const {id, title, status, reason, allowed, evidence, findings, remedy} = check
    const ok = !(fails(check, strict) || allowed || status === 'unknown')
    const directive =
      status === 'skip' ? ` # SKIP ${escaped(reason ?? '')}` : allowed && !strict ? ' # TODO allowed' : ''
    const details = Object.entries({status, reason, evidence, findings, remedy}).filter(
      ([, value]) => value !== undefined,
    )
    return [
      `${ok ? 'ok' : 'not ok'} ${index + 1} - ${id}: ${escaped(title)}${directive}`,
      ...(status === 'ok' || status === 'skip' ? [] : yamlBlock(Object.fromEntries(details))),
    ]
  })
  return ['TAP version 14', `1..${checks.length}`, ...points, ''].join('\n')
}

/** In a description, "#" would begin a directive, and a line break would end the description. */
const escaped = (text: string): string => visible(text.replaceAll(/[\\#]/g, '\\$&').replaceAll(/\s+/g, ' '))

/** A string with something invisible is in double quotes, where YAML has the escapes of JSON. */
function yamlOf(value: object): string {
  const document = new Document(value)
  visit(document, {
    Scalar(_, scalar) {
      if (typeof scalar.value === 'string' && !isVisible(scalar.value)) scalar.type = 'QUOTE_DOUBLE'
    },
  })
  return visibleLines(
    document.toString({lineWidth: 0, doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER}),
  )
}

const yamlBlock = (value: object): readonly string[] => [
  '  ---',
  ...yamlOf(value)
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`),
  '  ...',
]
