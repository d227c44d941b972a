// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {possibleRules} from '../boot/kernel-rules.ts'
import {cmdline} from '../facts/cmdline.ts'
import {kernel} from '../facts/kernel.ts'
import {settings} from '../facts/settings.ts'
import {bootRemedy, bootState} from '../measure/remedies/boot.ts'
import {defineCheck} from './check.ts'

/** Flags stand in front of the list, each followed by a comma: isolcpus=nohz,domain,2-3. */
const flagsOf = (value: string) => value.split(',').filter((word) => /^[a-z_]+$/.test(word))

export default defineCheck({
  id: 'isolcpus-nohz-trap',
  title: 'isolcpus=nohz is not used alone',
  why: 'Before Linux 6.14, the flag nohz of isolcpus stops the tick only. Unbound work, kernel threads, timers and the lockup detectors still use these CPUs. Only nohz_full keeps all of them away.',
  values: 'isolcpus=nohz without nohz_full warns: the tick stops, and unbound work stays.',
  facts: {bootState, cmdline, kernel, settings},
  judge({cmdline, kernel}) {
    const [value] = valuesOf(cmdline, 'isolcpus')
    const asked = value !== undefined && flagsOf(value).includes('nohz')
    if (!asked || valuesOf(cmdline, 'nohz_full').length > 0) return []
    const same = new Set(possibleRules(kernel).map(({nohzIsNohzFull}) => nohzIsNohzFull))
    if (same.size !== 1)
      return {unknown: `whether the flag nohz means nohz_full= in ${kernel.release}: it does from 6.14 on`}
    if (same.has(true)) return []
    return [
      {
        severity: 'warn',
        subject: 'isolcpus',
        message: `isolcpus=${value} without nohz_full= stops the tick, and leaves unbound work where it is`,
        expected: 'nohz_full= as well',
      },
    ]
  },
  remedy: ({bootState, cmdline, settings}) => {
    const words = (valuesOf(cmdline, 'isolcpus')[0] ?? '').split(',')
    const list = words.filter((word) => !/^[a-z_]+$/.test(word)).join(',')
    return list === ''
      ? {text: 'give isolcpus a list of CPUs, and nohz_full the same one'}
      : bootRemedy(`nohz_full=${list}`, settings, bootState)
  },
  reference: 'kernel/sched/isolation.c: housekeeping_isolcpus_setup',
})
