// SPDX-License-Identifier: MIT

import {told} from '../../facts/fact.ts'
import {settings} from '../../facts/settings.ts'
import {slices, systemd} from '../../facts/systemd.ts'
import type {Change} from '../../model/change.ts'
import {quietSet} from '../quiet-set.ts'
import {defineStep} from '../step.ts'

/** The command that sets the CPUs of a slice; an empty cpulist removes the restriction. */
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
  blast: 'processes in these slices, including your shell, can no longer start a program on an isolated CPU',
  onRequest: 'limits where programs for isolated CPUs can be started',
  facts: {settings, slices, systemd: told(systemd)},
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
