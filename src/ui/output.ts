// SPDX-License-Identifier: MIT
import {fstatSync, readlinkSync, statSync, write} from 'node:fs'
import process from 'node:process'
import type {Writable} from 'node:stream'
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

/** The parts of a terminal in Node.js, for which there is no public way to set this. */
interface Terminal {
  readonly _handle?: {setBlocking?(block: boolean): void} | null
  _write: Writable['_write']
  _writev: Writable['_writev'] | null
}

/**
 * From now on, a terminal that takes no more words is not waited for. One that was stopped with
 * Ctrl-S, or whose connection is silent, would stop the work half-way, with its lock held: Node.js
 * waits in write(2), where no listener of a signal runs. The words are kept until the terminal takes
 * them, or this process is ended.
 */
export function neverAwaitTerminal(): void {
  for (const stream of [process.stdout, process.stderr])
    if (stream.isTTY) {
      const terminal = stream as unknown as Terminal
      if (hasPath(stream.fd)) terminal._handle?.setBlocking?.(false)
      else writeAside(terminal, stream.fd)
    }
}

/**
 * Whether a terminal can be opened by its path, as Node.js does at the start. In a chroot(2) it cannot:
 * then the descriptor is the one that the shell has, too, which must not become non-blocking.
 */
function hasPath(fd: number): boolean {
  try {
    return statSync(readlinkSync(`/proc/self/fd/${fd}`)).rdev === fstatSync(fd).rdev
  } catch {
    return false
  }
}

/** How long a terminal that takes no words at once is left alone. */
const RETRY_MS = 50

/** Write in a thread of the pool, one text at a time: it waits, and the work goes on. */
function writeAside(terminal: Terminal, fd: number): void {
  terminal._writev = null
  terminal._write = (chunk: string | Uint8Array, encoding, done) => {
    const next = (bytes: Uint8Array) =>
      write(fd, bytes, (error, written) => {
        // Another program that has the descriptor, too, can make it non-blocking.
        if (error?.code === 'EAGAIN') setTimeout(next, RETRY_MS, bytes)
        else if (error !== null || written === bytes.length) done(error)
        else next(bytes.subarray(written))
      })
    next(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk)
  }
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
