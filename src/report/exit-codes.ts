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
    'The same for every command. They are never renumbered.',
    '',
    '| code | meaning |',
    '| ---: | --- |',
    ...rows,
    '',
    '`launch` and `lab run` otherwise end as the program they ran: with its own exit status, or by its signal (a shell',
    'shows 128+N).',
    '',
  ].join('\n')
}
