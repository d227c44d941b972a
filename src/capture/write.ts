// SPDX-License-Identifier: MIT
import {mkdir, mkdtemp, readdir, rename, rm, writeFile} from 'node:fs/promises'
import {basename, dirname, join, resolve} from 'node:path'
import {promisify} from 'node:util'
import {gzip, gzipSync} from 'node:zlib'
import {packTar} from 'modern-tar'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {writeOutput} from '../lib/files.ts'
import type {Capture} from './capture.ts'

/** Whether the path is that of an archive. */
const isArchive = (path: string) => /\.(tgz|tar\.gz)$/.test(path)

/**
 * Write a capture as a directory, or as an archive when the path ends in .tgz or .tar.gz, in one
 * step. Throws UserError.
 */
export async function writeCapture(path: string, capture: Capture): Promise<void> {
  if (isArchive(path)) await writeOutput(path, await archive(capture), 0o600)
  else await writeTree(path, capture).catch((error: unknown) => refuse(path, error))
}

/**
 * Written to a temporary directory beside the target and renamed, so that an incomplete capture is
 * never visible.
 */
async function writeTree(path: string, {files, folders}: Capture): Promise<void> {
  const target = resolve(path)
  const there = await readdir(target).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return []
    throw error
  })
  if (there.length > 0) throw Object.assign(new Error('not empty'), {code: 'ENOTEMPTY'})
  const fresh = await mkdtemp(join(dirname(target), `.${basename(target)}-`))
  try {
    const made = new Set<string>()
    const folder = async (name: string) => {
      if (made.has(name)) return
      made.add(name)
      await mkdir(join(fresh, name), {recursive: true, mode: 0o700})
    }
    for (const name of folders) await folder(name)
    for (const [name, text] of files) {
      await folder(dirname(name))
      await writeFile(join(fresh, name), bytesOf(name, text), {flag: 'wx', mode: 0o600})
    }
    await rename(fresh, target) // replaces an empty directory only
  } catch (error) {
    await rm(fresh, {recursive: true, force: true})
    throw error
  }
}

async function archive({files, folders}: Capture): Promise<Buffer> {
  const whole = {mode: 0o600, mtime: new Date(0), uid: 0, gid: 0}
  const entries = [
    ...[...folders].map((name) => ({
      header: {...whole, name: `${name}/`, size: 0, type: 'directory' as const, mode: 0o700},
    })),
    ...[...files].map(([name, text]) => {
      const body = bytesOf(name, text)
      return {header: {...whole, name, size: body.length, type: 'file' as const}, body}
    }),
  ]
  return promisify(gzip)(await packTar(entries))
}

/** The host decompresses files whose names end in .gz, so they are compressed here. */
const bytesOf = (name: string, text: string): Buffer =>
  name.endsWith('.gz') ? gzipSync(text) : Buffer.from(text)

function refuse(path: string, cause: unknown): never {
  const code = errnoOf(cause)
  if (code === undefined) throw cause
  throw new UserError(`cannot write ${path}: ${code}`, {
    exit: Exit.unsuitable,
    code,
    help:
      code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR'
        ? 'it exists and was not changed: give a new directory, or a file ending in .tgz'
        : 'give a new directory, or a file ending in .tgz, in a place that you can write to',
    cause,
  })
}
