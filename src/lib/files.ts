// SPDX-License-Identifier: MIT
import {mkdtemp, readFile, rename, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {errnoOf} from './errors.ts'

/** Contents of a file, or undefined when there is none. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/** A JSON value, or undefined for text that is none: a file that a power cut damaged, say. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Write a file whole or not at all: nobody ever reads half of it under its name. */
export async function publishFile(path: string, contents: string | Uint8Array): Promise<void> {
  const fresh = join(dirname(path), `.${crypto.randomUUID()}.tmp`)
  try {
    await writeFile(fresh, contents, {flag: 'wx', mode: 0o600})
    await rename(fresh, path)
  } catch (error) {
    await rm(fresh, {force: true})
    throw error
  }
}

/** Run `body` with a private directory (mode 0700, unpredictable name) that is gone afterwards, whatever happened. */
export async function withPrivateFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'isolctl-'))
  try {
    return await body(folder)
  } finally {
    await rm(folder, {recursive: true, force: true})
  }
}
