// SPDX-License-Identifier: MIT
/**
 * Shared by the tests of preflight: a machine that is disturbed from inside (guest/inject.ts), and
 * its reports.
 */
import {join} from 'node:path'
import {expect} from 'vitest'
import {isolationArguments} from '../../src/lab/machine.ts'
import {LabError, runInLab} from '../../src/lab/run.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {type Report, ReportSchema} from '../../src/schema/preflight.ts'
import {amissIn} from './guest/injections.ts'
import {testKernel} from './kernel.ts'

/** By name: the output and the exit status of a command. */
export type Parts = Readonly<Record<string, {readonly output: string; readonly exit: number}>>

/** The usual machine: CPUs 2 and 3 of four are isolated. */
export const ISOLATION = isolationArguments(CpuSet.parse('2-3'), CpuSet.parse('0-1'))

interface Setting {
  readonly bootArguments?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Boot a machine, and run these scenarios in it, one after the other. */
export async function runScenarios(
  scenarios: readonly string[],
  {bootArguments = ISOLATION, env = {}}: Setting = {},
): Promise<Parts> {
  const guest = join(import.meta.dirname, 'guest/inject.ts')
  const {stdout, stderr} = await runInLab([process.execPath, guest, ...scenarios], {
    kernel: await testKernel(),
    cpus: 4,
    timeoutMs: 1_500_000,
    bootArguments,
    env,
  }).catch((error: unknown) => {
    // Add the kernel's output: a second run may succeed and would not show it.
    if (error instanceof LabError)
      error.message += `:\n${error.stderr.slice(-1000)}\n${error.console.split('\n').slice(-120).join('\n')}`
    throw error
  })
  if (!stdout.startsWith('{')) throw new Error(`no report from the guest: ${stdout}${stderr}`)
  return JSON.parse(stdout)
}

export function reportOf(parts: Parts, name: string): Report {
  const part = parts[name]
  if (part === undefined) throw new Error(`the guest never came to "${name}"`)
  if (!part.output.startsWith('{') || part.exit > 3) throw new Error(`"${name}" is no report: ${part.output}`)
  return ReportSchema.parse(JSON.parse(part.output))
}

/** The findings of a check, one line each. */
export const said = ({checks}: Report, id: string): string =>
  (checks.find((check) => check.id === id)?.findings ?? [])
    .map(({subject, message}) => `${subject}: ${message}`)
    .join('\n')

/** The scenarios that could not be run, or without a result. */
export const failures = (parts: Parts) => Object.entries(parts).filter(([name]) => name.startsWith('failed'))

/** Steps and remedies that failed. */
export const refused = (parts: Parts) =>
  Object.entries(parts).filter(([name, {exit}]) => /^(apply|remedy) /.test(name) && exit !== 0)

/** From the scenario "irqbalance". */
export function expectHarmless(parts: Parts): void {
  const seen = ['irqbalance unaided', 'irqbalance stopped'].map((name) => reportOf(parts, name))
  expect(seen.map(amissIn)).toEqual([{}, {}])
  expect(seen.map(({checks}) => checks.find(({id}) => id === 'irqbalance-state')?.evidence)).toEqual([
    'leaves 2-3 alone',
    'not running',
  ])
}
