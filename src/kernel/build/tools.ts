// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {findProgram, missingSoftware, type Program} from '../../lib/programs.ts'

/** What a kernel build starts, or its scripts do. */
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

/** objtool reads ELF files; the build's own signing tools link libcrypto. */
const HEADERS: readonly Program[] = [
  {name: 'stdio.h', package: 'libc6-dev'},
  {name: 'gelf.h', package: 'libelf-dev'},
  {name: 'openssl/evp.h', package: 'libssl-dev'},
]

/** depmod is where a user's PATH does not lead; kbuild looks there too (scripts/depmod.sh). */
const path = () => `${process.env['PATH'] ?? ''}:/sbin:/usr/sbin`

/** Throws UserError (exit 69) that names every Debian package missing for a build, before anything is started. */
export async function requireBuildTools(more: readonly Program[] = []): Promise<void> {
  const missing: Program[] = []
  for (const program of [...PROGRAMS, ...more])
    if ((await findProgram(program.name, path())) === undefined) missing.push(program)
  // Without a compiler nobody can say which headers it would find.
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

/** "gcc (Debian 12.2.0-14+deb12u1) 12.2.0": another compiler makes another kernel. Undefined without one. */
export async function compilerVersion(): Promise<string | undefined> {
  const {stdout, failed} = await execa('gcc', ['--version'], {
    env: {LC_ALL: 'C'},
    stdin: 'ignore',
    reject: false,
  })
  return failed ? undefined : stdout.split('\n')[0]
}
