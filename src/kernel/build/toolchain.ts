// SPDX-License-Identifier: MIT
import {access} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {findProgram, missingSoftware, type Program} from '../../lib/programs.ts'
import type {KernelConfig} from './config-file.ts'
import type {PackageFormat} from './package-files.ts'

/** The programs that every build starts, itself or from the kernel's scripts. */
const PROGRAMS: readonly Program[] = [
  {name: 'gcc', package: 'gcc'},
  {name: 'ld', package: 'binutils'},
  {name: 'make', package: 'make'},
  {name: 'bc', package: 'bc'},
  {name: 'bison', package: 'bison'},
  {name: 'flex', package: 'flex'},
  {name: 'perl', package: 'perl'},
  {name: 'tar', package: 'tar'},
  {name: 'xz', package: 'xz-utils'},
  {name: 'patch', package: 'patch'},
  {name: 'cpio', package: 'cpio'},
  {name: 'flock', package: 'util-linux'},
]

/** objtool reads ELF files; the signing tools of the build link libcrypto. */
const HEADERS: readonly Program[] = [
  {name: 'stdio.h', package: 'libc6-dev'},
  {name: 'gelf.h', package: 'libelf-dev'},
  {name: 'openssl/evp.h', package: 'libssl-dev'},
]

/**
 * depmod is in a directory that PATH of a user does not have; kbuild looks there too
 * (scripts/depmod.sh).
 */
const path = () => `${process.env['PATH'] ?? ''}:/sbin:/usr/sbin`

/** Throws UserError (exit 69) that names every Debian package that a build lacks. */
export async function requireBuildTools(more: readonly Program[] = []): Promise<void> {
  const missing: Program[] = []
  for (const program of [...PROGRAMS, ...more])
    if ((await findProgram(program.name, path())) === undefined) missing.push(program)
  // Only the compiler knows where its headers are.
  if (!missing.some(({name}) => name === 'gcc'))
    for (const header of HEADERS) if (!(await hasHeader(header.name))) missing.push(header)
  if (missing.length > 0) throw missingSoftware(missing, 'building the kernel')
}

async function hasHeader(name: string): Promise<boolean> {
  const {failed} = await execa('gcc', ['-E', '-x', 'c', '-include', name, '/dev/null'], {
    stdio: 'ignore',
    reject: false,
  })
  return !failed
}

/** The programs that packaging needs on top (scripts/package/mkdebian, kernel.spec). Pure. */
export function packagingPrograms(format: PackageFormat, config: KernelConfig): readonly Program[] {
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
    ...packers.filter(([symbol]) => config.get(symbol) === 'y').map(([, program]) => program),
  ]
}

/**
 * "gcc (Debian 12.2.0-14+deb12u1) 12.2.0", the first line of `gcc --version`: another compiler
 * makes another kernel. Undefined if there is no gcc.
 */
export async function compilerVersion(): Promise<string | undefined> {
  const {stdout, failed} = await execa('gcc', ['--version'], {
    env: {LC_ALL: 'C'},
    stdin: 'ignore',
    reject: false,
  })
  return failed ? undefined : stdout.split('\n')[0]
}

export interface Toolchain {
  /** As compilerVersion() returns it. */
  readonly compiler: string
  /** Whether gcc's plugin headers are installed. */
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

const HARDENING = [
  'GCC_PLUGIN_LATENT_ENTROPY',
  'GCC_PLUGIN_STACKLEAK',
  'GCC_PLUGIN_RANDSTRUCT',
  'GCC_PLUGIN_STRUCTLEAK',
]

/** The differences to the toolchain of the base configuration that change the kernel. Pure. */
export function toolchainNotes(base: KernelConfig, {compiler, plugins, rustc}: Toolchain): readonly string[] {
  const on = (symbol: string) => base.get(symbol) === 'y'
  const theirs = base.get('CC_VERSION_TEXT')?.replaceAll('"', '') ?? ''
  const lost = HARDENING.filter(on)
  return [
    ...(/clang/i.test(theirs)
      ? [
          `the base configuration is of a kernel compiled by clang (${theirs}): options that gcc lacks, such as CFI and LTO, will be off`,
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
