// SPDX-License-Identifier: MIT
/**
 * The runner of all benchmarks:
 *
 *   npm run bench                         list the subjects, what each measures and what a run costs
 *   npm run bench -- NAME...              measure these, one after the other
 *     [--seconds N] [--kconfig FILE]
 *
 * It installs the packages that a subject needs and builds isolctl before it measures. Nothing here
 * passes or fails, because machines are noisy. A ratio is valid on another machine, a duration is
 * not.
 */
import {cpus, loadavg} from 'node:os'
import {parseArgs} from 'node:util'
import {execa} from 'execa'
import {packageRoot} from '../src/lib/assets.ts'
import type {Options, Row, Subject} from './subject.ts'
import {SUBJECTS} from './subjects.ts'

/**
 * The subjects of a command line and their options. Throws Error for a name or an option that does
 * not fit. Pure.
 */
export function parseCommandLine(args: readonly string[]): {
  readonly subjects: readonly Subject[]
  readonly options: Options
} {
  const {positionals, values} = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {seconds: {type: 'string'}, kconfig: {type: 'string'}},
  })
  const subjects = positionals.map((name) => {
    const subject = Object.hasOwn(SUBJECTS, name) ? SUBJECTS[name] : undefined
    if (subject === undefined) throw new Error(`there is no benchmark "${name}"; npm run bench lists them`)
    return subject
  })
  const options = {
    ...(values.kconfig === undefined ? {} : {kconfig: values.kconfig}),
    ...(values.seconds === undefined ? {} : {seconds: Number(values.seconds)}),
  }
  if (options.seconds !== undefined && !(options.seconds > 0))
    throw new Error(`--seconds takes a number above 0, not ${values.seconds}`)
  for (const name of Object.keys(options) as (keyof Options)[])
    if (!subjects.some((subject) => subject.options?.includes(name)))
      throw new Error(`none of these benchmarks takes --${name}`)
  return {subjects, options}
}

/** A line for each figure: its name, its value with the unit, and the comparison. Pure. */
export function table(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({what}) => what.length))
  return rows
    .map(({what, value, unit, ratio = ''}) => {
      const figure = unit === 's' || unit === '%' ? value.toFixed(2) : `${value}`
      return `${what.padEnd(width)}  ${figure.padStart(9)} ${unit}   ${ratio}`.trimEnd()
    })
    .join('\n')
}

/** The list of subjects, two lines each. Pure. */
export function list(subjects: Readonly<Record<string, Subject>>): string {
  const width = Math.max(...Object.keys(subjects).map((name) => name.length))
  return Object.entries(subjects)
    .map(([name, {measures, load}]) => `${name.padEnd(width)}  ${measures}\n${' '.repeat(width)}  (${load})`)
    .join('\n')
}

async function main(): Promise<void> {
  const {subjects, options} = parseCommandLine(process.argv.slice(2))
  if (subjects.length === 0) {
    process.stdout.write(`${list(SUBJECTS)}\n\nnpm run bench -- NAME measures one of them.\n`)
    return
  }
  const prepare = {cwd: packageRoot, stdin: 'ignore', stdout: process.stderr, stderr: 'inherit'} as const
  for (const goal of new Set(subjects.map(({packages}) => packages)))
    await execa('sh', ['scripts/bootstrap.sh', goal], prepare)
  await execa('npm', ['run', '--silent', 'build'], prepare)
  const load = loadavg()[0]?.toFixed(1)
  process.stdout.write(
    `${cpus().length} CPUs, ${cpus()[0]?.model ?? 'unknown'}, load ${load}, Node ${process.version}\n`,
  )
  for (const {measure} of subjects) process.stdout.write(`${table(await measure(options))}\n`)
}

if (import.meta.main)
  await main().catch((error: unknown) => {
    process.stderr.write(`error: ${(error as Error).message}\n`)
    process.exitCode = 1
  })
