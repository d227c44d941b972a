// SPDX-License-Identifier: MIT
import {access} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {findProgram, type Program} from '../../lib/programs.ts'
import type {KernelConfig} from './config-file.ts'

export type Format = 'deb' | 'rpm'

/** What making a package of this kernel takes, on top of compiling it (scripts/package/mkdebian, kernel.spec). Pure. */
export function packagingPrograms(format: Format, config: KernelConfig): readonly Program[] {
  const on = (symbol: string) => config.get(symbol) === 'y'
  const packers: readonly (readonly [symbol: string, Program])[] = [
    ['MODULE_SIG', {name: 'openssl', package: 'openssl'}],
    ['DEBUG_INFO_BTF', {name: 'pahole', package: 'dwarves'}],
    ['KERNEL_ZSTD', {name: 'zstd', package: 'zstd'}],
    ['KERNEL_LZ4', {name: 'lz4', package: 'lz4'}],
    ['KERNEL_LZO', {name: 'lzop', package: 'lzop'}],
    ['KERNEL_BZIP2', {name: 'bzip2', package: 'bzip2'}],
    ['MODULE_COMPRESS_ZSTD', {name: 'zstd', package: 'zstd'}],
  ]
  return [
    ...(format === 'deb'
      ? [
          {name: 'dpkg-buildpackage', package: 'dpkg-dev'},
          {name: 'dh_listpackages', package: 'debhelper'},
        ]
      : [{name: 'rpmbuild', package: 'rpm'}]),
    {name: 'rsync', package: 'rsync'},
    {name: 'depmod', package: 'kmod'},
    ...packers.filter(([symbol]) => on(symbol)).map(([, program]) => program),
  ]
}

export interface Toolchain {
  /** What `gcc --version` says first. */
  readonly compiler: string
  /** Whether gcc's plugin headers are there. */
  readonly plugins: boolean
  readonly rustc: boolean
}

export async function readToolchain(compiler: string): Promise<Toolchain> {
  const folder = await execa('gcc', ['-print-file-name=plugin'], {stdin: 'ignore', reject: false})
  const plugins = await access(join(folder.stdout || '/nowhere', 'include/plugin-version.h')).then(
    () => true,
    () => false,
  )
  return {compiler, plugins, rustc: (await findProgram('rustc')) !== undefined}
}

/** How this compiler differs from the one the base configuration was made with, as far as the kernel will show it. Pure. */
export function toolchainNotes(base: KernelConfig, {compiler, plugins, rustc}: Toolchain): readonly string[] {
  const on = (symbol: string) => base.get(symbol) === 'y'
  const theirs = base.get('CC_VERSION_TEXT')?.replaceAll('"', '') ?? ''
  const hardening = [
    'GCC_PLUGIN_LATENT_ENTROPY',
    'GCC_PLUGIN_STACKLEAK',
    'GCC_PLUGIN_RANDSTRUCT',
    'GCC_PLUGIN_STRUCTLEAK',
  ]
  const lost = hardening.filter(on)
  return [
    ...(/clang/i.test(theirs)
      ? [
          `the base configuration is of a kernel compiled by clang (${theirs}): what gcc lacks, such as CFI and LTO, will be off`,
        ]
      : theirs !== '' && majorOf(theirs) !== majorOf(compiler)
        ? [`the base configuration is of a kernel compiled by ${theirs}, and this is ${compiler}`]
        : []),
    ...(lost.length > 0 && !plugins
      ? [
          `gcc's plugin headers are missing, so that ${lost.join(', ')} will be off: apt-get install gcc-${majorOf(compiler)}-plugin-dev`,
        ]
      : []),
    ...(on('RUST') && !rustc ? ['there is no rustc, so that drivers in Rust will be off'] : []),
  ]
}

const majorOf = (text: string) => /(\d+)\.\d+(?:\.\d+)?\S*\s*$/.exec(text)?.[1]
