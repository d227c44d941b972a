// SPDX-License-Identifier: MIT
import process from 'node:process'
import {Exit} from '../lib/exit.ts'

/** The exit codes that are an answer: without the output, nobody has received it. */
const ANSWERS: ReadonlySet<number> = new Set([
  Exit.ok,
  Exit.failures,
  Exit.unknown,
  Exit.changes,
  Exit.rebootPending,
])

let answerLost = false

/**
 * From now on, the work continues when its output cannot be written: the terminal hung up (EIO), the
 * reader ended (EPIPE), the disk is full (ENOSPC). Only the words are lost. A command whose answer on
 * stdout is lost ends with exit code 74; one that reports a failure keeps its code.
 *
 * Node.js ends the process on an 'error' event without a listener, and oclif has a listener that
 * throws for every errno but EPIPE (@oclif/core, lib/command.js).
 */
export function outliveOutput(): void {
  answerLost = false
  // Both streams are created here: Node.js creates them at the first use, and cannot create one for
  // a terminal that has hung up.
  process.stdout.removeAllListeners('error').on('error', loseAnswer)
  process.stderr.removeAllListeners('error').on('error', loseWords)
  process.off('exit', tellLoss).on('exit', tellLoss)
}

/** Whether nobody receives what a command writes to stdout: one that repeats its answer can end. */
export const isAnswerLost = (): boolean => answerLost

function loseAnswer(): void {
  answerLost = true
}

function loseWords(): void {}

function tellLoss(code: number): void {
  if (answerLost) process.exitCode = exitWithoutAnswer(code)
}

/** The exit code of a command whose stdout could not be written. Pure. */
export const exitWithoutAnswer = (code: number): number => (ANSWERS.has(code) ? Exit.outputLost : code)
