// SPDX-License-Identifier: MIT
import {type Cmdline, parseCmdline} from '../boot/cmdline.ts'
import {isolationOf, possibleIsolations} from '../boot/isolation.ts'
import {sameIsolation} from '../boot/judge.ts'
import {configuredLine} from '../boot/loaders.ts'
import {knownBootLoader} from '../facts/boot-loader.ts'
import {cmdline} from '../facts/cmdline.ts'
import {possible} from '../facts/cpus.ts'
import {kernel} from '../facts/kernel.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

const ISOLATION = /^(isolcpus|nohz_full|rcu_nocbs|irqaffinity)$/

export default defineCheck({
  id: 'cmdline-pending-reboot',
  title: 'the next boot isolates as this one does',
  why: 'The boot loader can be configured to pass other arguments than this kernel was booted with: a reboot is pending, or a user entered arguments for one boot.',
  values: 'Expected is what the boot loader passes next time. Found is what this boot was given.',
  facts: {bootLoader: knownBootLoader, cmdline, kernel, possible, settings},
  skip: ({bootLoader: {kind}}) =>
    kind === 'none' || kind === 'other' ? 'no boot loader whose configuration isolctl reads' : undefined,
  judge({bootLoader, cmdline, kernel, possible}) {
    const line = configuredLine(bootLoader)
    if (line === undefined) return {unknown: 'it is not known which boot entry the boot loader starts next'}
    const cpus = {kernel, count: Math.max(...possible) + 1}
    const [next, now] = [possibleIsolations(line, cpus), possibleIsolations(cmdline, cpus)]
    const same = new Set(next.map((each, index) => sameIsolation(each, now[index] ?? each)))
    if (same.size !== 1) return {unknown: `how Linux ${kernel.release} reads its isolation arguments`}
    if (same.has(true)) return []
    return [
      {
        severity: 'warn',
        message: 'a reboot will change which CPUs are isolated',
        expected: isolationText(parseCmdline(line)),
        actual: isolationText(cmdline),
      },
    ]
  },
  evidence: ({cmdline}) => isolationText(cmdline),
  remedy({bootLoader, kernel, possible, settings: {isolated}}) {
    const line = configuredLine(bootLoader) ?? ''
    const {domain, nohzFull} = isolationOf(line, {kernel, count: Math.max(...possible) + 1})
    return isolated.isSubsetOf(domain) && isolated.isSubsetOf(nohzFull)
      ? {text: 'reboot'}
      : {text: `configure the boot loader to isolate CPU ${isolated}`, step: 'boot-arguments'}
  },
  reference: 'kernel/sched/isolation.c: housekeeping_setup',
})

const isolationText = ({args}: Cmdline): string =>
  args
    .filter(({name}) => ISOLATION.test(name))
    .map(({text}) => text)
    .join(' ') || 'nothing isolated'
