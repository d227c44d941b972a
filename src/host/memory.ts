// SPDX-License-Identifier: MIT
import {type Host, HostError} from './host.ts'

export interface MemoryHost extends Host {
  /** Path to contents. Tests read it to see what was done. */
  readonly files: Map<string, string>
  /** Commands that were run, in order. */
  readonly ran: string[][]
}

/** A machine in memory, to prove effects against. `refuse` maps a path to the errno that writing it gives. */
export function memoryHost(
  files: Readonly<Record<string, string>>,
  refuse: Readonly<Record<string, string>> = {},
): MemoryHost {
  const state = new Map(Object.entries(files))
  const ran: string[][] = []
  const refused = (path: string) => {
    const code = refuse[path]
    if (code !== undefined) throw new HostError(code, path, 'cannot write')
  }
  return {
    name: 'memory',
    files: state,
    ran,
    read: async (path) => state.get(path),
    list: async (path) => {
      const below = [...state.keys()].filter((file) => file.startsWith(`${path}/`))
      return [...new Set(below.map((file) => file.slice(path.length + 1).split('/')[0] ?? ''))]
    },
    async set(path, value) {
      refused(path)
      if (!state.has(path)) throw new HostError('ENOENT', path, 'cannot write')
      state.set(path, value)
    },
    async writeFile(path, text) {
      refused(path)
      if (text === null) state.delete(path)
      else state.set(path, text)
    },
    async run(argv) {
      ran.push([...argv])
      return {stdout: ''}
    },
  }
}
