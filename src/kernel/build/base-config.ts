// SPDX-License-Identifier: MIT
import {readFile} from 'node:fs/promises'
import {gunzipSync} from 'node:zlib'
import {execa} from 'execa'
import {gatherer} from '../../facts/fact.ts'
import {kernelConfigText} from '../../facts/kernel-config.ts'
import type {HostView} from '../../host/host.ts'
import {errnoOf, UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'

/** The configuration that a build starts from. */
export interface BaseConfig {
  /** The path of the file. */
  readonly from: string
  readonly text: string
}

/** The configuration in a file, or of the running kernel. Throws UserError. */
export async function baseConfig(host: HostView, file: string | undefined): Promise<BaseConfig> {
  const found = file === undefined ? await running(host) : {from: file, text: await unpacked(file)}
  if (/^CONFIG_\w+=/m.test(found.text)) return found
  throw new UserError(`${found.from} is not a kernel configuration`, {
    help: 'a configuration has lines such as CONFIG_SMP=y; it may be compressed (.gz, .xz)',
  })
}

async function running(host: HostView): Promise<BaseConfig> {
  try {
    const {path, text} = await gatherer(host)(kernelConfigText)
    return {from: path, text}
  } catch (cause) {
    throw new UserError(`the configuration of the running kernel is unknown: ${(cause as Error).message}`, {
      exit: Exit.unsuitable,
      help: 'name a configuration: --kconfig FILE',
      cause,
    })
  }
}

async function unpacked(file: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new UserError(`cannot read ${file}: ${errnoOf(cause) ?? 'EIO'}`, {cause})
  })
  try {
    if (bytes.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b]))) return gunzipSync(bytes).toString()
    if (bytes.subarray(0, 6).equals(Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])))
      return (await execa('xz', ['--decompress', '--stdout'], {input: bytes, maxBuffer: 50_000_000})).stdout
  } catch (cause) {
    throw new UserError(`cannot unpack ${file}: the file is damaged`, {cause})
  }
  return bytes.toString()
}

/**
 * The loaded modules for "make localmodconfig", as lsmod(8) prints them. They are sorted and
 * without counts, so that the same modules are the same text. Throws UserError (exit 69) if no
 * module is loaded: an empty list would drop every driver.
 */
export async function loadedModules(host: HostView): Promise<string> {
  const text = (await host.read('/proc/modules')) ?? ''
  const names = text.split('\n').flatMap((line) => line.split(' ')[0] || [])
  if (names.length === 0)
    throw new UserError('no module is loaded: --localmodconfig would leave out every driver', {
      exit: Exit.unsuitable,
      help: 'build without --localmodconfig, or on the machine that the kernel is for',
    })
  return ['Module Size Used by', ...names.sort().map((name) => `${name} 0 0`), ''].join('\n')
}
