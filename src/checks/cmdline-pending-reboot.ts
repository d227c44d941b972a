// SPDX-License-Identifier: MIT
import {type Cmdline, parseCmdline} from '../boot/cmdline.ts'
import {isolationOf} from '../boot/isolation.ts'
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
  skip: ({bootLoader}) =>
    configuredLine(bootLoader) === undefined ? 'no boot loader whose configuration isolctl reads' : undefined,
  judge({bootLoader, cmdline, kernel, possible}) {
    const line = configuredLine(bootLoader) ?? ''
    const cpus = {kernel, count: Math.max(...possible) + 1}
    if (sameIsolation(isolationOf(line, cpus), isolationOf(cmdline, cpus))) return []
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
