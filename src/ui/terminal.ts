// SPDX-License-Identifier: MIT
import process from 'node:process'
import {createInterface} from 'node:readline/promises'
import {Interrupted, UserError} from '../lib/errors.ts'
import {page} from '../report/colour.ts'

/** The width of the terminal in columns; 80 if there is none. */
export const columns = (): number => process.stdout.columns || process.stderr.columns || 80

/** Prints progress and notes on stderr. The result of a command goes to stdout. */
export function note(lines: readonly string[]): void {
  if (lines.length > 0) process.stderr.write(page(lines))
}

/**
 * Shows the changes, a page, and asks. Only "y" and "yes" mean yes. Throws UserError if there is no
 * terminal, and Interrupted on any other answer.
 */
export async function confirm(
  text: string,
  {question, command}: {readonly question: string; readonly command: string},
): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UserError('the command changes the machine, and there is no terminal for a confirmation', {
      code: 'not-confirmed',
      help: `see the changes with: isolctl plan; then confirm them in advance: ${command} --yes`,
    })
  process.stderr.write(`${text}\n`)
  const lines = createInterface({input: process.stdin, output: process.stderr})
  // Ctrl-C, Ctrl-D, and a terminal that hangs up (EIO) are no answer.
  const gone = new Promise<string>((resolve) => {
    for (const event of ['close', 'error']) lines.once(event, () => resolve(''))
  })
  const asked = lines.question(`${question} [y/N] `).catch(() => '')
  const answer = await Promise.race([asked, gone]).finally(() => lines.close())
  if (!/^y(es)?$/i.test(answer.trim())) throw new Interrupted('nothing was changed')
}
