// SPDX-License-Identifier: MIT
import process from 'node:process'
import {createInterface} from 'node:readline/promises'
import {Interrupted, UserError} from '../lib/errors.ts'

/** Columns to lay text out for; 80 when nobody is looking at a terminal. */
export const columns = (): number => process.stdout.columns || process.stderr.columns || 80

/** Progress and notes, away from the result on stdout. */
export function note(lines: readonly string[]): void {
  if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`)
}

/**
 * Show what is about to happen and ask. Only "y" and "yes" mean yes. Throws UserError where there is no terminal to ask on,
 * and Interrupted on anything but yes.
 */
export async function confirm(
  text: string,
  {question, command}: {readonly question: string; readonly command: string},
): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UserError('this changes the machine, and there is no terminal to ask on', {
      code: 'not-confirmed',
      help: `look first with: isolctl plan; then agree in advance with: ${command} --yes`,
    })
  note([text])
  const lines = createInterface({input: process.stdin, output: process.stderr})
  const answer = await lines
    .question(`${question} [y/N] `)
    .catch(() => '') // Ctrl-C and Ctrl-D
    .finally(() => lines.close())
  if (!/^y(es)?$/i.test(answer.trim())) throw new Interrupted('nothing was changed')
}
