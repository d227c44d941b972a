// SPDX-License-Identifier: MIT
import {once} from 'node:events'
import type {Writable} from 'node:stream'
import type {LabResult} from '../../lab/run.ts'

/** Writes chunks to a stream. While its reader is slow, the guest waits. */
export function writer(stream: Writable): (chunk: Buffer) => Promise<void> {
  return async (chunk) => {
    if (!stream.write(chunk)) await once(stream, 'drain')
  }
}

/** `isolctl.lab/1` */
export function summary({exitCode, signal, stdout, stderr, accel, elapsedMs}: LabResult): object {
  return {schema: 'isolctl.lab/1', exitCode, signal, stdout, stderr, accel, elapsedMs}
}
