// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {nohzFull} from '../facts/cpus.ts'
import {optional} from '../facts/fact.ts'
import {settings} from '../facts/settings.ts'
import {bootRemedy, bootState} from '../measure/remedies/boot.ts'
import {defineCheck} from './check.ts'

const PATH = '/sys/devices/system/cpu/nohz_full'

export default defineCheck({
  id: 'nohz-full-effective',
  title: 'every isolated CPU is nohz_full',
  why: 'The scheduler tick may stop while a task runs only on a nohz_full CPU. On other CPUs it fires CONFIG_HZ times a second.',
  values:
    'The CPUs whose tick the kernel may stop. (null) or nothing: the kernel has the option, and was not given the argument.',
  facts: {bootState, cmdline: optional(cmdline), nohzFull, settings},
  judge({cmdline, nohzFull, settings: {isolated}}) {
    const ticking = isolated.minus(nohzFull)
    if (ticking.isEmpty) return []
    const [booted] = cmdline ? valuesOf(cmdline, 'nohz_full') : []
    const state =
      cmdline === undefined
        ? 'its boot arguments cannot be read'
        : booted === undefined
          ? 'nohz_full is not among the boot arguments'
          : nohzFull.isEmpty
            ? `the kernel refused nohz_full=${booted}`
            : `booted with nohz_full=${booted}`
    return [
      {
        severity: 'fail',
        subject: PATH,
        message: `CPU ${ticking} keeps the tick: ${state}`,
        cpus: ticking,
        expected: `${isolated}`,
        actual: `${nohzFull}` || 'none',
      },
    ]
  },
  evidence: ({nohzFull}) => `${nohzFull}`,
  remedy: ({bootState, settings}) => bootRemedy(`nohz_full=${settings.isolated}`, settings, bootState),
  reference: 'Documentation/timers/no_hz.rst',
})
