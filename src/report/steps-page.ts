// SPDX-License-Identifier: MIT

import {CpuSet} from '../model/cpuset.ts'
import type {Settings} from '../model/settings.ts'
import {STEPS} from '../plan/registry.ts'

const EXAMPLE: Settings = {
  isolated: CpuSet.parse('2-7'),
  housekeeping: CpuSet.parse('0-1'),
  policy: {kind: 'other'},
  windowMs: 0,
}

/** docs/steps.md. Pure. */
export function stepsPage(): string {
  return [
    '<!-- Written by `npm run docs` from src/plan/steps. -->',
    '# What `apply` does',
    '',
    'The steps in their order, for a machine on which CPUs 2-7 are to be isolated. `isolctl plan` shows',
    'the changes that are left. `--only ID` takes one step alone; `steps: {never: [ID]}` in the config',
    'leaves one out. A step *on request* is taken only with `--also ID`, `--only ID` or',
    '`steps: {also: [ID]}`. Every change is in the journal, and `isolctl undo` takes it back.',
    '',
    '| step | what | check it satisfies | what you may notice |',
    '| --- | --- | --- | --- |',
    ...STEPS.map(
      ({id, title, check, blast, onRequest, needsReboot}) =>
        `| \`${id}\`${onRequest ? `, on request: ${onRequest}` : ''}${needsReboot ? ', at the next boot' : ''} | ${title(EXAMPLE)} | [${check}](checks.md#${check}) | ${blast} |`,
    ),
    '',
    'The following stay as they are, and the plan names them: interrupts that the kernel places itself',
    '(managed and per-CPU interrupts: a write fails with EIO or EPERM), threads that the kernel binds to',
    'their CPU, and the network cards of the default route and of SSH connections.',
    '',
  ].join('\n')
}
