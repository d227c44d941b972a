// SPDX-License-Identifier: MIT
import {EXIT_MEANING, Exit} from '../lib/exit.ts'

/** docs/exit-codes.md. Pure. */
export function exitCodesPage(): string {
  const rows = (Object.keys(Exit) as (keyof typeof Exit)[]).map(
    (name) => `| ${Exit[name]} | ${EXIT_MEANING[name]} |`,
  )
  return [
    '<!-- Written by `npm run docs` from src/lib/exit.ts. -->',
    '# Exit codes',
    '',
    'Exit codes are the same for every command, and are never renumbered.',
    '',
    '| code | meaning |',
    '| ---: | --- |',
    ...rows,
    '',
    'Otherwise `launch` and `lab run` end as the program that they ran: with its exit status, or by its',
    'signal (a shell reports 128+N).',
    '',
  ].join('\n')
}
