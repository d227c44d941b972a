// SPDX-License-Identifier: MIT
import {type Host, HostError, startOf} from './host.ts'

export interface MemoryHost extends Host {
  /** Path to contents. Tests read it to see the result of writes. */
  readonly files: Map<string, string>
  /** Empty directories. */
  readonly folders: Set<string>
  /** Commands that were run, in order. */
  readonly ran: string[][]
}

/**
 * A machine in memory for tests of effects. `refuse` maps a path to the errno that a write to it
 * fails with.
 */
export function memoryHost(
  files: Readonly<Record<string, string>>,
  refuse: Readonly<Record<string, string>> = {},
): MemoryHost {
  const state = new Map(Object.entries(files))
  const folders = new Set<string>()
  const ran: string[][] = []
  const refused = (path: string) => {
    const code = refuse[path]
    if (code !== undefined) throw new HostError(code, path, 'cannot write')
  }
  return {
    name: 'memory',
    files: state,
    folders,
    ran,
    read: async (path) => state.get(path),
    bytes: async (path) => {
      const text = state.get(path)
      return text === undefined ? undefined : Buffer.from(text, 'latin1')
    },
    list: async (path) => {
      const below = [...state.keys()].filter((file) => file.startsWith(`${path}/`))
      return [...new Set(below.map((file) => file.slice(path.length + 1).split('/')[0] ?? ''))]
    },
    isFolder: async (path) =>
      folders.has(path) || [...state.keys()].some((file) => file.startsWith(`${path}/`)),
    async makeFolder(path, there) {
      refused(path)
      if (there) folders.add(path)
      else if ([...state.keys()].some((file) => file.startsWith(`${path}/`)))
        throw new HostError('ENOTEMPTY', path, 'cannot remove')
      else folders.delete(path)
    },
    checkpoint: async () => {},
    async setAffinity({tid, start}, cpus) {
      const folder = `/proc/${tid}/task/${tid}`
      const path = `${folder}/status`
      refused(path)
      const [stat, status] = [state.get(`${folder}/stat`), state.get(path)]
      if (stat === undefined || status === undefined || startOf(stat) !== start)
        throw new HostError('ESRCH', `/proc/${tid}`, 'cannot move')
      state.set(path, status.replace(/^(Cpus_allowed_list:\s*).*$/m, `$1${cpus}`))
    },
    async set(path, value) {
      refused(path)
      if (!state.has(path)) throw new HostError('ENOENT', path, 'cannot write')
      const before = state.get(path) ?? ''
      if (path.endsWith('/cgroup.subtree_control')) state.set(path, controllers(before, value))
      else if (/\[\w+\]/.test(before)) state.set(path, choice(path, before, value))
      else state.set(path, value)
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

/** "+cpuset" adds a word, "-cpuset" removes it (Documentation/admin-guide/cgroup-v2.rst). */
function controllers(text: string, value: string): string {
  const others = text.split(/\s+/).filter((word) => word !== '' && word !== value.slice(1))
  return [...others, ...(value.startsWith('+') ? [value.slice(1)] : [])].join(' ')
}

/**
 * A list of choices as the kernel keeps it, "[always] madvise never": only one of its words can be
 * written.
 */
function choice(path: string, text: string, word: string): string {
  const words = text.replace(/[[\]]/g, '')
  if (!words.trim().split(' ').includes(word)) throw new HostError('EINVAL', path, 'cannot write')
  return words.replace(new RegExp(`\\b${word}\\b`), `[${word}]`)
}
