// SPDX-License-Identifier: MIT
import {closeSync, constants, fstatSync, openSync, readFileSync, statSync} from 'node:fs'
import {gunzipSync} from 'node:zlib'
import {unpackTar} from 'modern-tar'
import * as z from 'zod'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {bytesOfRegular, parseJson} from '../lib/files.ts'
import {HostError, type HostView} from './host.ts'
import {byNumberThenName, rooted} from './rooted.ts'

/** A file in the root of a capture, with the facts that the captured files cannot hold. */
export const MANIFEST = 'isolctl-capture.json'

const ManifestSchema = z.object({
  schema: z.literal('isolctl.capture/1'),
  isolctl: z.string(),
  errors: z.record(z.string(), z.string()).describe('paths that could not be read, to the errno'),
  modes: z.record(z.string(), z.number()).describe('permission bits of files whose bits mean something'),
})

export type Manifest = z.output<typeof ManifestSchema>

/**
 * A captured machine: a directory, from `isolctl capture` or another tool, or an archive from
 * `isolctl capture`. Only in the output of `isolctl capture` does an absent file mean that the
 * machine did not have it. Throws UserError for anything else.
 */
export function captured(root: string): HostView {
  if (statSync(root, {throwIfNoEntry: false})?.isFile()) return archived(root)
  const tree = rooted(root)
  const text = readOwn(`${root}/${MANIFEST}`)
  return text === undefined ? tree : withManifest(tree, parseManifest(text, root))
}

/** Many times the largest manifest. */
const MANIFEST_LIMIT = 64 * 1024 * 1024

/** Read the manifest without following a symbolic link, which `isolctl capture` never writes. */
function readOwn(file: string): string | undefined {
  try {
    const opened = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const kind = fstatSync(opened)
      if (!kind.isFile() || kind.size > MANIFEST_LIMIT) throw new HostError('ENXIO', file, 'cannot read')
      return readFileSync(opened, 'utf8')
    } finally {
      closeSync(opened)
    }
  } catch (error) {
    if (error instanceof HostError) throw error
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined
    throw new HostError(errnoOf(error) ?? 'EIO', file, 'cannot read', {cause: error})
  }
}

function parseManifest(text: string, root: string): Manifest {
  const {data, error} = ManifestSchema.safeParse(parseJson(text))
  if (data) return data
  throw new UserError(`${root}/${MANIFEST} is damaged: ${z.prettifyError(error).split('\n')[0]}`, {
    exit: Exit.unsuitable,
    help: 'capture the machine again',
  })
}

function withManifest(tree: HostView, {errors, modes}: Manifest): HostView {
  const known = new Map(Object.entries(errors))
  const refuse = (path: string) => {
    const code = known.get(path)
    if (code !== undefined) throw new HostError(code, path, 'cannot read')
  }
  return {
    name: tree.name,
    complete: true,
    async read(path) {
      refuse(path)
      return tree.read(path)
    },
    async list(path) {
      refuse(path)
      return tree.list(path)
    },
    isFolder: (path) => tree.isFolder(path),
    mode: async (path) => modes[path],
  }
}

/**
 * A .tgz from `isolctl capture`, unpacked in memory at the first access: nothing is written, and no
 * link is followed.
 */
function archived(file: string): HostView {
  let opened: Promise<HostView> | undefined
  const open = () => {
    opened ??= unpack(file)
    return opened
  }
  return {
    name: file,
    complete: true,
    read: async (path) => (await open()).read(path),
    list: async (path) => (await open()).list(path),
    isFolder: async (path) => (await open()).isFolder(path),
    mode: async (path) => (await open()).mode?.(path),
  }
}

/** Far more than the largest machine needs, and far less than the memory of the smallest. */
const UNPACKED_LIMIT = 1024 * 1024 * 1024
/** Of a file that was packed on the machine: the configuration of its kernel. */
const PACKED_FILE_LIMIT = 32 * 1024 * 1024

async function unpack(file: string): Promise<HostView> {
  const entries = await unpackTarFile(file)
  const files: Record<string, string> = {}
  const folders: string[] = []
  for (const {header, data} of entries) {
    const path = `/${header.name.replace(/^(\.?\/)+/, '').replace(/\/+$/, '')}`
    if (header.type === 'directory') folders.push(path)
    if (header.type !== 'file' || data === undefined) continue
    const bytes = Buffer.from(data)
    files[path] = (
      path.endsWith('.gz') ? gunzipSync(bytes, {maxOutputLength: PACKED_FILE_LIMIT}) : bytes
    ).toString()
  }
  const manifest = files[`/${MANIFEST}`]
  if (manifest === undefined)
    throw new UserError(`${file} is an archive, but not one that isolctl capture wrote`, {
      exit: Exit.unsuitable,
      help: 'unpack it and give the directory',
    })
  return withManifest({...memoryTree(files, folders), name: file}, parseManifest(manifest, file))
}

async function unpackTarFile(file: string) {
  try {
    const bytes = await bytesOfRegular(file, {limit: UNPACKED_LIMIT})
    // RFC 1952. Of a text of a few bytes, zlib says that its end is missing.
    if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) throw new Error('no gzip header')
    return await unpackTar(gunzipSync(bytes, {maxOutputLength: UNPACKED_LIMIT}))
  } catch (cause) {
    throw new UserError(`cannot read ${file}: ${errnoOf(cause) ?? damage(cause)}`, {
      exit: Exit.unsuitable,
      help: 'give a directory, or an archive that isolctl capture wrote',
      cause,
    })
  }
}

/** Zlib reports a missing end in this way; tar counts the bytes of a file. */
const damage = (cause: unknown): string =>
  (cause as {code?: unknown}).code === 'Z_BUF_ERROR' ? 'the archive is cut short' : 'not a .tgz archive'

/**
 * A tree in memory with an index of its directories, so that a listing does not search all files.
 */
function memoryTree(files: Readonly<Record<string, string>>, folders: readonly string[]): HostView {
  const names = new Map<string, Set<string>>()
  for (const path of [...Object.keys(files), ...folders])
    for (let at = path; at !== ''; at = at.slice(0, at.lastIndexOf('/'))) {
      const folder = at.slice(0, at.lastIndexOf('/'))
      const siblings = names.get(folder) ?? new Set()
      if (siblings.has(at.slice(folder.length + 1))) break
      names.set(folder, siblings.add(at.slice(folder.length + 1)))
    }
  const empty = new Set(folders)
  const isFolder = (path: string) => names.has(path) || empty.has(path)
  return {
    name: 'archive',
    isFolder: async (path) => isFolder(path),
    async read(path) {
      if (files[path] === undefined && isFolder(path)) throw new HostError('EISDIR', path, 'cannot read')
      return files[path]
    },
    list: async (path) => [...(names.get(path) ?? [])].sort(byNumberThenName),
  }
}
