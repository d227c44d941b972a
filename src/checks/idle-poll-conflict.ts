// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {optional} from '../facts/fact.ts'
import {smtActive} from '../facts/topology.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'idle-poll-conflict',
  title: 'idle=poll does not slow busy CPUs down',
  why: 'With idle=poll no CPU sleeps. An idle hyperthread slows its sibling down, and the heat of all CPUs lowers the turbo frequency.',
  values: 'idle=poll warns: no CPU sleeps, and busy CPUs get less turbo and, with SMT, less of their core.',
  facts: {cmdline, smtActive: optional(smtActive)},
  judge({cmdline, smtActive}) {
    if (!valuesOf(cmdline, 'idle').includes('poll')) return []
    return [
      {
        severity: 'warn',
        subject: 'idle=poll',
        message: smtActive
          ? 'idle hyperthreads spin beside busy ones'
          : 'every CPU spins when idle, housekeeping CPUs as well',
        expected: 'a limit on the isolated CPUs only',
      },
    ]
  },
  evidence: () => 'not set',
  remedy: {text: 'remove idle=poll, and limit the idle states of the isolated CPUs (cstate-limit)'},
  reference: 'Documentation/timers/no_hz.rst',
})
