// SPDX-License-Identifier: MIT
import type {Cmdline} from '../../src/boot/cmdline.ts'
import {commandsFor} from '../../src/commands/index.ts'
import {cpusets} from '../../src/facts/cgroup.ts'
import {cmdline} from '../../src/facts/cmdline.ts'
import {type Get, type Given, given} from '../../src/facts/fact.ts'
import {invocation} from '../../src/facts/invocation.ts'
import {kernelConfig} from '../../src/facts/kernel-config.ts'
import {settings} from '../../src/facts/settings.ts'
import type {HostView} from '../../src/host/host.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {commandOf, type Remedy} from '../../src/model/finding.ts'
import {makePlan, type PlannedStep} from '../../src/plan/plan.ts'
import {STEPS} from '../../src/plan/registry.ts'

/** A machine for which a remedy was given. */
export interface Patient {
  readonly host: HostView
  readonly get: Get
  /** Facts that are given, besides the settings. */
  readonly known?: readonly Given[]
}

/** Boot arguments that take a list of CPUs. */
const LISTS = ['isolcpus', 'nohz_full', 'rcu_nocbs', 'irqaffinity']
/** Those that isolate the CPUs of their list. */
const ISOLATING = LISTS.slice(0, 3)
const ARGUMENTS = [...LISTS, 'tsc', 'mce', 'idle', 'mitigations', 'lockdown', 'nmi_watchdog', 'nosmt']
const ARGUMENT = new RegExp(
  `(?<![\\w.])(${[...ARGUMENTS, 'nosoftlockup'].join('|')})(=[^\\s;]*)?(?![\\w-])`,
  'g',
)

/** The configuration symbol that an argument needs. */
const NEEDS: Readonly<Record<string, string>> = {
  isolcpus: 'CPU_ISOLATION',
  nohz_full: 'NO_HZ_FULL',
  rcu_nocbs: 'RCU_NOCB_CPU',
}

/** Why this remedy is useless on this machine. Undefined: it is not. */
export async function useless(remedy: Remedy, patient: Patient): Promise<string | undefined> {
  const {text, step} = remedy
  const command = commandOf(remedy)
  return (
    uselessLists(`${text} ${command ?? ''}`) ??
    (await uselessBoot(text, patient)) ??
    (await uselessOptions(text, patient)) ??
    (await uselessPartition(text, patient)) ??
    (await doneByStep(remedy.command ?? '', patient)) ??
    (await unknownCommand(`${text}: ${command ?? ''}`)) ??
    (step === undefined ? undefined : await plansNothing(step, patient))
  )
}

/** A clause that asks to remove an argument. */
const AWAY = /\b(without|leave|out|remove|off|drop|once)\b/

async function uselessBoot(text: string, {get}: Patient): Promise<string | undefined> {
  const line = await get(cmdline).catch(() => undefined)
  const symbols = (await get(kernelConfig).catch(() => undefined))?.symbols
  for (const clause of text.split(/[;:]\s|,\s(?=or\b|and\b)/)) {
    for (const [word, name = '', assigned] of clause.matchAll(ARGUMENT)) {
      if (assigned === '=') return `${word} has no value: is it empty?`
      if (assigned === undefined && !/^nos/.test(name)) continue // the argument is only mentioned
      const value = assigned?.slice(1).replace(/[.,)]+$/, '')
      const there = line !== undefined && has(line, name, value)
      if (AWAY.test(clause)) {
        if (line !== undefined && !there) return `${word} is not there`
        continue
      }
      if (there) return `${word} is there already`
      const option = NEEDS[name]
      if (option !== undefined && symbols !== undefined && symbols.get(option) !== 'y')
        return `${word} needs CONFIG_${option}, which this kernel lacks`
    }
  }
  return undefined
}

/** The same CPUs, and at least the same flags, in any order. */
function has({args}: Cmdline, name: string, value: string | undefined): boolean {
  const given = args.filter((arg) => arg.name === name)
  if (!LISTS.includes(name)) return given.some((arg) => value === undefined || arg.value === value)
  const [[wanted, cpus], [first]] = [listOf(value ?? ''), given]
  if (first === undefined) return false
  const [flags, list] = listOf(first.value ?? '')
  return wanted.every((flag) => flags.includes(flag)) && (cpus === undefined || sameCpus(cpus, list))
}

function listOf(value: string): readonly [readonly string[], string | undefined] {
  const words = value.split(',')
  const isFlag = (word: string) => /^[a-z_]+$/.test(word)
  const list = words.filter((word) => !isFlag(word)).join(',')
  return [words.filter(isFlag), list === '' || list === 'LIST' ? undefined : list]
}

function sameCpus(a: string, b = ''): boolean {
  try {
    return CpuSet.parse(a).equals(CpuSet.parse(b))
  } catch {
    return false
  }
}

function uselessLists(text: string): string | undefined {
  const empty =
    /(?:(?:isolcpus|nohz_full|rcu_nocbs|irqaffinity)=(?:[a-z_]+,)+(?=[\s;:.)]|$)|CPUs? {2}|CPUs? (?=[,;:])|taskset -c?p +(?=\d+$)|AllowedCPUs=(?=[\s,;]|$)|CPUAffinity=(?=[\s,;]|$))/.exec(
      text,
    )
  if (empty) return `an empty list of CPUs: "${empty[0]}"`
  for (const name of ISOLATING)
    for (const [, value = ''] of text.matchAll(
      new RegExp(`(?<![\\w.])${name}=(\\S+?)[.,;)]*(?=\\s|$)`, 'g'),
    )) {
      const [, list] = listOf(value)
      if (list === undefined) continue
      try {
        if (CpuSet.parse(list).has(0)) return `${name}=${value} isolates CPU 0`
      } catch {
        return `${name}=${value} is no list of CPUs`
      }
    }
  if (/cpu0\/online/.test(text)) return 'CPU 0 cannot be taken offline'
  return undefined
}

async function uselessOptions(text: string, {get}: Patient): Promise<string | undefined> {
  const symbols = (await get(kernelConfig).catch(() => undefined))?.symbols
  const built = [...text.matchAll(/\bCONFIG_(\w+)/g)].map(([, name = '']) => name)
  const there = built.find((name) => symbols?.get(name) === 'y')
  return there === undefined ? undefined : `this kernel has CONFIG_${there} already`
}

async function uselessPartition(text: string, {get}: Patient): Promise<string | undefined> {
  if (!text.includes('write the partition again')) return undefined
  const groups = await get(cpusets).catch(() => [])
  return groups.some(({partition}) => partition?.includes('conflicts with housekeeping'))
    ? 'the kernel refuses the partition as long as isolcpus= names its CPUs'
    : undefined
}

/** Files below /proc and /sys that steps set, and the sysctls that steps read. */
async function filesOfSteps({host, get, known = []}: Patient): Promise<ReadonlySet<string>> {
  const files = new Set<string>()
  const spy: HostView = {
    ...host,
    async read(path) {
      if (path.startsWith('/proc/sys/')) files.add(path)
      return host.read(path)
    },
  }
  const {steps} = await makePlan(spy, {settings: await get(settings), steps: STEPS, known})
  for (const change of steps.flatMap(({changes}) => changes))
    if (change.kind === 'set') files.add(change.path)
  return files
}

async function doneByStep(command: string, patient: Patient): Promise<string | undefined> {
  const key = /^sysctl -w ([\w.-]+)=/.exec(command)?.[1]
  const path = key === undefined ? /> *(\/\S+)$/.exec(command)?.[1] : `/proc/sys/${key.replaceAll('.', '/')}`
  if (path === undefined || !(await filesOfSteps(patient)).has(path)) return undefined
  return `a step of apply does this: ${command}`
}

async function unknownCommand(text: string): Promise<string | undefined> {
  for (const [call, words = ''] of text.matchAll(
    /\bisolctl ((?:[\w-]+|--[\w-]+)(?: (?:--[\w-]+|[\w.-]+))*)/g,
  )) {
    const [first = '', second = ''] = words.split(' ')
    const commands = await commandsFor()
    const command = commands[`${first}:${second}`] ?? commands[first]
    if (command === undefined) return `there is no command "${call}"`
    const known: Readonly<Record<string, unknown>> = {...command.baseFlags, ...command.flags}
    const flag = words
      .split(' ')
      .find((word) => word.startsWith('--') && !Object.hasOwn(known, word.slice(2)))
    if (flag !== undefined) return `${first} has no ${flag}`
    const only = / --only (\S+)/.exec(call)?.[1]
    if (first === 'apply' && only !== undefined && !STEPS.some(({id}) => id === only))
      return `apply has no step ${only}`
  }
  return undefined
}

async function plansNothing(id: string, {host, get, known = []}: Patient): Promise<string | undefined> {
  const steps = STEPS.filter((step) => step.id === id)
  const plan = await makePlan(host, {
    settings: await get(settings),
    steps,
    known: [given(invocation, {program: ['/usr/bin/isolctl'], flags: []}), ...known],
  })
  const planned: PlannedStep | undefined = plan.steps[0]
  if (planned === undefined) {
    const reason = plan.unknown[0]?.reason ?? ''
    // A note of the step that says how to do it is enough.
    return /pass these arguments|keeps its boot arguments itself|start it with/.test(reason)
      ? undefined
      : `the step ${id} cannot be planned: ${reason}`
  }
  return planned.changes.length > 0 ? undefined : `the step ${id} would change nothing`
}
