// SPDX-License-Identifier: MIT
import {HostError, type HostView, type Live, NotMeasured} from './host.ts'

/** Where a capture stores the kernel log, which is in no file on a running machine. */
export const CAPTURED_LOG = '/var/log/dmesg'

/** All reads from a machine, with their results. */
export interface Recorded {
  /** Path to contents. */
  readonly files: ReadonlyMap<string, string>
  /** Directory to the names in it. */
  readonly folders: ReadonlyMap<string, readonly string[]>
  /** Path to errno, for paths that exist and could not be read. */
  readonly errors: ReadonlyMap<string, string>
  /** Permission bits of the files for which they were read. */
  readonly modes: ReadonlyMap<string, number>
}

/**
 * The same machine, with a record of all reads. Nothing can be measured or started through it: a
 * capture must not disturb the machine.
 */
export function recording(host: HostView): {readonly host: HostView; readonly recorded: Recorded} {
  const files = new Map<string, string>()
  const folders = new Map<string, readonly string[]>()
  const errors = new Map<string, string>()
  const modes = new Map<string, number>()
  const attempt = async <T>(path: string, read: () => Promise<T>): Promise<T> => {
    try {
      return await read()
    } catch (error) {
      if (error instanceof HostError) errors.set(path, error.code)
      throw error
    }
  }
  const {mode, live} = host
  const view: HostView = {
    name: host.name,
    ...(host.complete ? {complete: true} : {}),
    async read(path) {
      const text = await attempt(path, () => host.read(path))
      if (text !== undefined) files.set(path, text)
      return text
    },
    async list(path) {
      const names = await attempt(path, () => host.list(path))
      if (names.length > 0) folders.set(path, names)
      return names
    },
    async isFolder(path) {
      const is = await attempt(path, () => host.isFolder(path))
      if (is && !folders.has(path)) folders.set(path, [])
      return is
    },
    ...(mode
      ? {
          async mode(path) {
            const bits = await mode(path)
            if (bits !== undefined) modes.set(path, bits)
            return bits
          },
        }
      : {}),
    ...(live ? {live: still(live, (log) => files.set(CAPTURED_LOG, log))} : {}),
  }
  return {host: view, recorded: {files, folders, errors, modes}}
}

function still(live: Live, keep: (log: string) => void): Live {
  const refuse = async () => {
    throw new NotMeasured('a capture measures nothing')
  }
  return {
    ...live,
    sleep: refuse,
    start: refuse,
    trace: refuse,
    stayOn: async () => {},
    async kernelLog() {
      const log = await live.kernelLog()
      keep(log)
      return log
    },
  }
}
