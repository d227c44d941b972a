// SPDX-License-Identifier: MIT
/**
 * npm run kernel:neighbours: the kernel's tests of what the series changes (entry code, signals,
 * ptrace, seccomp, rseq, syscall user dispatch), with the option on and off, in one run. They may
 * fail in an emulated machine, but both results must be the same.
 */

import {readdir, stat} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {basename, join} from 'node:path'
import {execa} from 'execa'
import {buildEnvironment, compilerVariables} from '../src/kernel/build/make.ts'
import {labKernel} from '../src/lab/kernel.ts'
import {runInLab} from '../src/lab/run.ts'
import {cacheFolder} from '../src/lib/cache.ts'
import {withPrivateFolder} from '../src/lib/files.ts'
import {logProgress} from '../src/ui/progress.ts'
import {sourceTree} from './selftests.ts'

const TARGETS = ['x86', 'seccomp', 'ptrace', 'rseq', 'syscall_user_dispatch', 'sigaltstack']
/** Benchmarks, and tests that run for minutes to find races of rseq. */
const LEFT_OUT = /benchmark|compare_twice|librseq/

const progress = logProgress((line) => process.stderr.write(`${line}\n`))

await withPrivateFolder(async (folder) => {
  const programs = await compile(await sourceTree(progress), folder)
  const on = await results((await labKernel({progress, flavour: 'lab'})).bzImage, programs)
  const off = await results((await labKernel({progress, flavour: 'off'})).bzImage, programs)
  let different = 0
  for (const program of programs) {
    const name = nameOf(program)
    const [a = 'did not run', b = 'did not run'] = [on.get(name), off.get(name)]
    if (a !== b) different++
    process.stdout.write(
      `${a === b ? 'same' : 'DIFF'} ${name.padEnd(45)} ${a === b ? a : `on: ${a} | off: ${b}`}\n`,
    )
  }
  process.stdout.write(
    `${programs.length} programs, ${different} whose results differ with the option on and off\n`,
  )
  process.exitCode = different === 0 ? 0 : 1
})

/** Returns the paths of the programs. make leaves out those that do not compile on this machine. */
async function compile(tree: string, folder: string): Promise<readonly string[]> {
  const environment = buildEnvironment(await cacheFolder('ccache'), 0)
  const run = async (directory: string, ...words: readonly string[]) =>
    execa(
      'make',
      ['-k', `-j${availableParallelism()}`, '-C', directory, ...words, ...(await compilerVariables())],
      {
        env: environment,
        extendEnv: false,
        stdin: 'ignore',
        reject: false,
      },
    )
  await run(tree, `O=${folder}`, 'tinyconfig')
  await run(tree, `O=${folder}`, 'headers')
  await run(
    join(tree, 'tools/testing/selftests'),
    `TARGETS=${TARGETS.join(' ')}`,
    `O=${folder}`,
    `KHDR_INCLUDES=-isystem ${join(folder, 'usr/include')}`,
    'all',
  )
  const programs: string[] = []
  for (const target of TARGETS) {
    const place = join(folder, 'kselftest', target)
    for (const name of (await readdir(place)).sort()) {
      const file = join(place, name)
      const {mode} = await stat(file)
      if (mode & 0o100 && !LEFT_OUT.test(name)) programs.push(file)
    }
    if (!programs.some((program) => program.startsWith(place)))
      throw new Error(`no test of ${target} compiles on this machine: run scripts/bootstrap.sh kernel`)
  }
  return programs
}

/** "x86/sigreturn_64" */
function nameOf(program: string): string {
  return join(basename(join(program, '..')), basename(program))
}

/**
 * By name: the exit status, the number of checks that passed and failed, and the errors that the
 * kernel logged. The output itself is not compared, because addresses and times differ.
 */
async function results(kernel: string, programs: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const script = `for t in ${programs.join(' ')}; do cd \${t%/*}; echo "### $t"; echo "### $t" > /dev/kmsg; timeout 120 $t 2>&1; echo "### status $?"; done`
  const {stdout, console} = await runInLab(['/bin/bash', '-c', script], {kernel, timeoutMs: 1_800_000})
  const complaints = new Map<string, string>()
  for (const part of console.split(/### (?=\/)/).slice(1)) {
    const complaint = /(?:WARNING: |BUG: |Oops).*/
      .exec(part)?.[0]
      .replace(/\b(?:0x)?[0-9a-f]{8,}\b/g, 'ADDRESS')
    if (complaint)
      complaints.set(nameOf(part.slice(0, part.indexOf('\n')).trim()), `, kernel: ${complaint.trim()}`)
  }
  const found = new Map<string, string>()
  for (const part of stdout.split(/^### (?=\/)/m).slice(1)) {
    const program = part.slice(0, part.indexOf('\n'))
    const status = /^### status (\d+)/m.exec(part)?.[1] ?? 'none'
    const good = part.match(/^ *(?:ok \d|\[OK\])/gm)?.length ?? 0
    const bad = part.match(/^ *(?:not ok \d|\[FAIL\])/gm)?.length ?? 0
    const name = nameOf(program)
    // How far a program got in two minutes depends on the machine.
    const end = status === '124' ? 'not finished in two minutes' : `status ${status}, ${good} good`
    found.set(name, `${end}, ${bad} bad${complaints.get(name) ?? ''}`)
  }
  return found
}
