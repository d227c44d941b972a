// SPDX-License-Identifier: MIT
/** What the tests of preflight share: a machine that is disturbed from inside (guest/inject.ts), and its reports. */
import {join} from 'node:path'
import {expect} from 'vitest'
import {isolationArguments} from '../../src/lab/machine.ts'
import {LabError, runInLab} from '../../src/lab/run.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {type Report, ReportSchema} from '../../src/schema/preflight.ts'
import {amissIn} from './guest/injections.ts'
import {testKernel} from './kernel.ts'

/** By name, what a command printed and how it ended. */
export type Parts = Readonly<Record<string, {readonly output: string; readonly exit: number}>>

/** Of the usual machine: CPUs 2 and 3 of four are isolated. */
export const ISOLATION = isolationArguments(CpuSet.parse('2-3'), CpuSet.parse('0-1'))

interface Setting {
  readonly bootArguments?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Boot a machine, and have these scenarios played in it, one after the other. */
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
    // What the kernel said of it is seen once: the next run may be a good one.
    if (error instanceof LabError)
      error.message += `:\n${error.stderr.slice(-1000)}\n${error.console.split('\n').slice(-120).join('\n')}`
    throw error
  })
  if (!stdout.startsWith('{')) throw new Error(`the guest said nothing of use: ${stdout}${stderr}`)
  return JSON.parse(stdout)
}

export function reportOf(parts: Parts, name: string): Report {
  const part = parts[name]
  if (part === undefined) throw new Error(`the guest never came to "${name}"`)
  if (!part.output.startsWith('{') || part.exit > 3) throw new Error(`"${name}" is no report: ${part.output}`)
  return ReportSchema.parse(JSON.parse(part.output))
}

/** The findings of a check, a line each. */
export const said = ({checks}: Report, id: string): string =>
  (checks.find((check) => check.id === id)?.findings ?? [])
    .map(({subject, message}) => `${subject}: ${message}`)
    .join('\n')

/** What could not even be tried, or whose outcome never came. */
export const failures = (parts: Parts) => Object.entries(parts).filter(([name]) => name.startsWith('failed'))

/** Steps and remedies that did not go through. */
export const refused = (parts: Parts) =>
  Object.entries(parts).filter(([name, {exit}]) => /^(apply|remedy) /.test(name) && exit !== 0)

/** Of the scenario "irqbalance". */
export function expectHarmless(parts: Parts): void {
  const seen = ['irqbalance unaided', 'irqbalance stopped'].map((name) => reportOf(parts, name))
  expect(seen.map(amissIn)).toEqual([{}, {}])
  expect(seen.map(({checks}) => checks.find(({id}) => id === 'irqbalance-state')?.evidence)).toEqual([
    'leaves 2-3 alone',
    'not running',
  ])
}
