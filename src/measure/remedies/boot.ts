// SPDX-License-Identifier: MIT
import {type Cmdline, parseCmdline} from '../../boot/cmdline.ts'
import {configuredLine} from '../../boot/loaders.ts'
import {bootLoader} from '../../facts/boot-loader.ts'
import {cmdline} from '../../facts/cmdline.ts'
import {bootIsolated, nohzFull} from '../../facts/cpus.ts'
import {defineFact} from '../../facts/fact.ts'
import {kernelConfig} from '../../facts/kernel-config.ts'
import {settings} from '../../facts/settings.ts'
import {CpuSet} from '../../model/cpuset.ts'
import type {Remedy} from '../../model/finding.ts'
import type {Target} from '../../model/settings.ts'

/** What decides whether a boot argument can be a remedy. Absent: unknown. */
export interface BootState {
  /** The arguments of this boot. */
  readonly booted?: Cmdline
  /** The arguments that the boot loader is configured to pass. */
  readonly configured?: Cmdline
  /** Options of the running kernel, without CONFIG_. */
  readonly options?: ReadonlyMap<string, string>
}

/**
 * Never rejects: what cannot be read is absent. The configuration of the boot loader is read only
 * if CPUs are not isolated as the settings want them.
 */
export const bootState = defineFact<BootState>('boot-state', async (_host, get) => {
  const maybe = <T>(value: Promise<T>) => value.catch(() => undefined)
  const {isolated} = await get(settings)
  const [domain, nohz] = [await maybe(get(bootIsolated)), await maybe(get(nohzFull))]
  const isolates = domain && nohz && isolated.isSubsetOf(domain) && isolated.isSubsetOf(nohz)
  const booted = await maybe(get(cmdline))
  const line = isolates ? undefined : await maybe(get(bootLoader).then(configuredLine))
  const options = (await maybe(get(kernelConfig)))?.symbols
  return {
    ...(booted === undefined ? {} : {booted}),
    ...(line === undefined ? {} : {configured: parseCmdline(line)}),
    ...(options === undefined ? {} : {options}),
  }
})

/**
 * The configuration symbol that an argument needs in order to have an effect
 * (Documentation/admin-guide/kernel-parameters.txt).
 */
const OPTIONS: Readonly<Record<string, string>> = {
  isolcpus: 'CPU_ISOLATION',
  nohz_full: 'NO_HZ_FULL',
  rcu_nocbs: 'RCU_NOCB_CPU',
}

/**
 * The remedy for a missing boot argument that isolates CPUs; `word` is the argument with its CPUs.
 * The remedy is another one if the kernel was built without support for the argument, if this boot
 * already has it, or if the next boot will have it. Pure.
 */
export function bootRemedy(
  word: string,
  {isolated}: Pick<Target, 'isolated'>,
  {booted, configured, options}: BootState = {},
): Remedy {
  const [name = ''] = word.split('=')
  const option = OPTIONS[name]
  if (option !== undefined && options !== undefined && options.get(option) !== 'y')
    return {text: `boot a kernel that was built with CONFIG_${option}`}
  if (isolated.has(0)) return {text: 'isolate other CPUs: CPU 0 has work that cannot be moved'}
  if (booted !== undefined && passes(booted, word))
    return {
      text: `the kernel did not take ${name} as it was given: its log names the reason, and so does cmdline-misread`,
      command: 'isolctl preflight --only cmdline-misread',
    }
  if (configured !== undefined && passes(configured, word))
    return {text: `reboot: the boot loader is configured to pass ${word}`}
  return {text: `boot with ${word}`, step: 'boot-arguments'}
}

/**
 * Whether a command line has this argument, with the same CPUs and at least these flags. If the
 * argument is there more than once, the kernel uses the first one. Pure.
 */
export function passes({args}: Cmdline, word: string): boolean {
  const [wanted] = parseCmdline(word).args
  const given = args.find(({name}) => name === wanted?.name)
  if (wanted?.value === undefined || given?.value === undefined) return false
  const [mine, theirs] = [partsOf(wanted.value), partsOf(given.value)]
  return mine.flags.every((flag) => theirs.flags.includes(flag)) && sameCpus(mine.list, theirs.list)
}

/** "nohz,domain,2-3": the flags, and the cpulist after them. */
function partsOf(value: string): {readonly flags: readonly string[]; readonly list: string} {
  const words = value.split(',')
  const isFlag = (word: string) => /^[a-z_]+$/.test(word)
  return {flags: words.filter(isFlag), list: words.filter((word) => !isFlag(word)).join(',')}
}

function sameCpus(a: string, b: string): boolean {
  try {
    return CpuSet.parse(a).equals(CpuSet.parse(b))
  } catch {
    return a === b
  }
}
