// SPDX-License-Identifier: MIT
/** The C programs, by native/Makefile. */
import {execFileSync} from 'node:child_process'
import {mkdtempSync, rmSync} from 'node:fs'
import {availableParallelism, tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {packageRoot} from '../src/lib/assets.ts'

const folder = join(packageRoot, 'native')
const command = ['--silent', `-j${availableParallelism()}`, '-C', folder] as const

/** Run make with these goals and variables. Throws an error with the messages of the compiler. */
export async function make(...goals: readonly string[]): Promise<void> {
  await execa('make', [...command, ...goals], {stdin: 'ignore'})
}

/**
 * Compile one C file that is not in native/, with its flags, its headers and its objects; these go
 * below `objects`, which no other caller may use at the same time. Absolute paths.
 */
export function compile(
  source: string,
  program: string,
  objects: string,
  ...variables: readonly string[]
): Promise<void> {
  return make(`O=${objects}`, 'program', `SOURCE=${source}`, `PROGRAM=${program}`, ...variables)
}

/** src/model/break-words.json: the tables of native/lib/words.c and names.c. */
export function breakWords(): string {
  const objects = mkdtempSync(join(tmpdir(), 'isolctl-words-'))
  try {
    execFileSync('make', [...command, `O=${objects}`, 'CFLAGS=-O0', 'words'], {
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const text = execFileSync(join(objects, 'obj', 'words'), {encoding: 'utf8'})
    return `${JSON.stringify(JSON.parse(text), undefined, 2)}\n`
  } finally {
    rmSync(objects, {recursive: true, force: true})
  }
}
