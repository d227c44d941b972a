// SPDX-License-Identifier: MIT
import process from 'node:process'
import {errnoOf} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'

/** The exit codes that are an answer: without the output, nobody has received it. */
const ANSWERS: ReadonlySet<number> = new Set([
  Exit.ok,
  Exit.failures,
  Exit.unknown,
  Exit.changes,
  Exit.rebootPending,
])

/** The errno of the first write to stdout that failed. */
let answerLost: string | undefined

/**
 * From now on, the work continues when its output cannot be written: the terminal hung up (EIO), the
 * reader ended (EPIPE), the disk is full (ENOSPC). Only the words are lost. A command whose answer on
 * stdout is lost ends with exit code 74; one that reports a failure keeps its code.
 *
 * Node.js ends the process on an 'error' event without a listener, and oclif has a listener that
 * throws for every errno but EPIPE (@oclif/core, lib/command.js).
 */
export function outliveOutput(): void {
  answerLost = undefined
  // Both streams are created here: Node.js creates them at the first use, and cannot create one for
  // a terminal that has hung up.
  process.stdout.removeAllListeners('error').on('error', loseAnswer)
  process.stderr.removeAllListeners('error').on('error', loseWords)
  process.off('exit', tellLoss).on('exit', tellLoss)
}

/** The handle of a terminal in Node.js, for which there is no public way to set this. */
interface TerminalHandle {
  readonly _handle?: {setBlocking?(block: boolean): void} | null
}

/**
 * From now on, a terminal that takes no more words is not waited for. One that was stopped with
 * Ctrl-S, or whose connection is silent, would stop the work half-way, with its lock held: Node.js
 * waits in write(2), where no listener of a signal runs. The words are kept until the terminal takes
 * them, or this process is ended.
 */
export function neverAwaitTerminal(): void {
  for (const stream of [process.stdout, process.stderr])
    if (stream.isTTY) (stream as TerminalHandle)._handle?.setBlocking?.(false)
}

/** Whether nobody receives what a command writes to stdout: one that repeats its answer can end. */
export const isAnswerLost = (): boolean => answerLost !== undefined

/** Why: the errno, such as EPIPE or ENOSPC. */
export const answerLoss = (): string | undefined => answerLost

function loseAnswer(error: unknown): void {
  answerLost ??= errnoOf(error) ?? 'EIO'
}

function loseWords(): void {}

function tellLoss(code: number): void {
  if (isAnswerLost()) process.exitCode = exitWithoutAnswer(code)
}

/** The exit code of a command whose stdout could not be written. Pure. */
export const exitWithoutAnswer = (code: number): number => (ANSWERS.has(code) ? Exit.outputLost : code)
