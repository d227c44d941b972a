// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {optional} from '../facts/fact.ts'
import {smtActive} from '../facts/topology.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'idle-poll-conflict',
  title: 'idle=poll does not take the speed away',
  why: 'With idle=poll no CPU ever sleeps: a hyperthread that has nothing to do slows its sibling down, and the heat of them all costs the turbo clock.',
  values:
    'idle=poll at boot warns: no CPU sleeps, and those that work get neither turbo nor, with SMT, the whole core.',
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
  remedy: {text: 'leave idle=poll out, and limit the idle states of the isolated CPUs (cstate-limit)'},
  reference: 'Documentation/timers/no_hz.rst',
})
