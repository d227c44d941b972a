// SPDX-License-Identifier: MIT
import {once} from 'node:events'
import process from 'node:process'
import type {Writable} from 'node:stream'
import type {LabOptions, LabResult} from '../../lab/run.ts'
import {Exit} from '../../lib/exit.ts'
import {answerLoss, isAnswerLost} from '../../ui/output.ts'

/** The exit status that a shell reports for a program that SIGPIPE ended. */
const BROKEN_PIPE = 128 + 13

/** Nobody receives what the command in the machine writes to stdout, so the machine can stop. */
class NobodyListens extends Error {}

type Sinks = Pick<LabOptions, 'discardOutput' | 'onStdout' | 'onStderr'>

/**
 * Run a machine whose output goes to ours as it comes. While a reader is slow, the guest waits. When
 * stdout cannot be written, the machine is stopped: the result is undefined, and the exit code set to
 * that of SIGPIPE for a reader that has ended, else 74. Of stderr, only the words are lost.
 */
export async function streamed(run: (sinks: Sinks) => Promise<LabResult>): Promise<LabResult | undefined> {
  try {
    return await run({
      discardOutput: true,
      onStdout: async (chunk) => {
        if (!isAnswerLost()) await written(process.stdout, chunk)
        if (isAnswerLost()) throw new NobodyListens()
      },
      onStderr: (chunk) => written(process.stderr, chunk),
    })
  } catch (error) {
    if (!(error instanceof NobodyListens)) throw error
    process.exitCode = answerLoss() === 'EPIPE' ? BROKEN_PIPE : Exit.outputLost
    return undefined
  }
}

/** An error of the stream is noted by its listener (src/ui/output.ts). After one, nothing drains. */
const written = async (stream: Writable, chunk: Buffer): Promise<void> => {
  if (!stream.write(chunk) && stream.errored === null) await once(stream, 'drain').catch(() => {})
}

/** `isolctl.lab/1` */
export function summary({exitCode, signal, stdout, stderr, accel, elapsedMs}: LabResult): object {
  return {schema: 'isolctl.lab/1', exitCode, signal, stdout, stderr, accel, elapsedMs}
}
