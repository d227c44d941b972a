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
    'In this order, on a machine whose CPUs 2-7 are to be isolated. `isolctl plan` shows what is left to do; `--only ID` takes one step',
    'alone, `steps: {never: [ID]}` in the config leaves one out. Those *on request* are taken with `--also ID`, `--only ID` or',
    '`steps: {also: [ID]}` and not otherwise. Every change is in the journal, and `isolctl undo` takes it back.',
    '',
    '| step | what | check it satisfies | what you may notice |',
    '| --- | --- | --- | --- |',
    ...STEPS.map(
      ({id, title, check, blast, onRequest, needsReboot}) =>
        `| \`${id}\`${onRequest ? `, on request: ${onRequest}` : ''}${needsReboot ? ', at the next boot' : ''} | ${title(EXAMPLE)} | [${check}](checks.md#${check}) | ${blast} |`,
    ),
    '',
    'Left alone, and named in the plan: interrupts that the kernel places itself (managed and per-CPU ones: it answers EIO or EPERM),',
    'threads that it binds to their CPU, and the network cards of the default route and of SSH connections.',
    '',
  ].join('\n')
}
