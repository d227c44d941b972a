// SPDX-License-Identifier: MIT
import {settings} from '../../facts/settings.ts'
import {slices, systemd} from '../../facts/systemd.ts'
import type {Change} from '../../model/change.ts'
import {quietSet} from '../quiet-set.ts'
import {defineStep} from '../step.ts'

/** As `systemctl set-property` takes it; empty is no restriction. */
const property = (unit: string, cpus: string): readonly [string, ...string[]] => [
  'systemctl',
  'set-property',
  '--runtime',
  unit,
  `AllowedCPUs=${cpus}`,
]

export const systemdSlices = defineStep({
  id: 'systemd-slices',
  check: 'systemd-slices',
  title: ({housekeeping}) => `Keep services, logins and containers on CPUs ${housekeeping}`,
  blast:
    'what runs in these slices, your own shell included, can no longer start a program on an isolated CPU',
  onRequest: 'binds where programs for isolated CPUs can be started',
  facts: {settings, slices, systemd},
  plan({settings, slices, systemd}) {
    if (!systemd) return {changes: [], notes: [{subject: 'systemd', reason: 'does not run this machine'}]}
    const changes = slices.flatMap(({unit, allowed}): Change[] => {
      if (!allowed.isEmpty && allowed.intersect(settings.isolated).isEmpty) return []
      const to = allowed.isEmpty ? settings.housekeeping : quietSet(allowed, settings)
      return [
        {kind: 'run', argv: property(unit, `${to}`), undo: property(unit, `${allowed}`), untilReboot: true},
      ]
    })
    return {changes}
  },
})
