// SPDX-License-Identifier: MIT
import * as z from 'zod'
import type {Capture} from '../capture/capture.ts'
import {count, wrap} from '../lib/text.ts'
import {page} from './colour.ts'

/** What `isolctl capture --json` prints. */
export const CaptureSchema = z.strictObject({
  schema: z.literal('isolctl.capture-report/1'),
  path: z.string(),
  files: z.number().int(),
  bytes: z.number().int().describe('size of the files, unpacked'),
  redacted: z.record(z.string(), z.number()).describe('what was redacted, and how often'),
  unreadable: z
    .record(z.string(), z.string())
    .describe('path to errno, for the paths that could not be read'),
})

export type CaptureReport = z.output<typeof CaptureSchema>

/** Pure. */
export function captureReport(path: string, {files, redactions, unreadable}: Capture): CaptureReport {
  let bytes = 0
  for (const text of files.values()) bytes += Buffer.byteLength(text)
  return {
    schema: 'isolctl.capture-report/1',
    path,
    files: files.size,
    bytes,
    redacted: {...redactions},
    unreadable: {...unreadable},
  }
}

/** Pure. */
export function renderCapture(
  {path, files, bytes, redacted, unreadable}: CaptureReport,
  {width, verbose}: {readonly width: number; readonly verbose: boolean},
): string {
  const what = Object.entries(redacted).map(([kind, times]) => `${kind} ${times}`)
  const missing = Object.entries(unreadable)
  const paragraphs = [
    `${path}: ${count(files, 'file')}, ${Math.ceil(bytes / 1024)} KiB`,
    `redacted: ${what.join(', ')}; names of programs and network addresses are kept`,
    ...(missing.length > 0
      ? [
          `${count(missing.length, 'path')} could not be read and will be unknown${verbose ? `: ${missing.map(([where, code]) => `${where} (${code})`).join(', ')}` : ': -v names them; run as root'}`,
        ]
      : []),
    `judge it with: isolctl preflight --root ${path}`,
  ]
  return page(paragraphs.flatMap((text) => wrap(text.split(' '), {width})))
}
