// SPDX-License-Identifier: MIT
import {
  IRQBALANCE_DROP_IN,
  IRQBALANCE_ENVIRONMENT,
  IRQBALANCE_FOLDER,
  irqbalance,
} from '../../facts/irqbalance.ts'
import {settings} from '../../facts/settings.ts'
import {systemd} from '../../facts/systemd.ts'
import type {Change} from '../../model/change.ts'
import {defineStep} from '../step.ts'

const DROP_IN = `# Written by isolctl; isolctl undo removes it. Read after the environment files of the unit: the last assignment counts.
[Service]
EnvironmentFile=${IRQBALANCE_ENVIRONMENT}
`

export const irqbalanceBan = defineStep({
  id: 'irqbalance-ban',
  check: 'irqbalance-state',
  title: ({isolated}) => `Keep irqbalance off CPUs ${isolated}`,
  blast: 'irqbalance restarts and distributes the interrupts again; its own configuration is not changed',
  facts: {settings, irqbalance, systemd},
  plan({settings: {isolated}, irqbalance, systemd}) {
    if (irqbalance === undefined) return {changes: []}
    if (irqbalance.running && irqbalance.from === undefined)
      throw new Error('irqbalance runs, and neither its environment nor its settings can be read')
    if (isolated.isSubsetOf(irqbalance.banned)) return {changes: []}
    if (!irqbalance.unit || !systemd)
      throw new Error(
        `irqbalance runs without systemd: start it with IRQBALANCE_BANNED_CPULIST=${irqbalance.banned.union(isolated)}`,
      )
    if (irqbalance.later !== undefined)
      throw new Error(
        `${irqbalance.later} is read after isolctl's drop-in: set IRQBALANCE_BANNED_CPULIST=${irqbalance.banned.union(isolated)} there`,
      )
    const {folder, dropIn = null, environment = null, masked} = irqbalance
    const banned = irqbalance.banned.union(isolated)
    const reload: readonly [string, ...string[]] = ['systemctl', 'daemon-reload']
    const restart: readonly [string, ...string[]] = ['systemctl', 'try-restart', 'irqbalance.service']
    const changes: Change[] = [
      {kind: 'run', argv: null, undo: restart},
      {kind: 'run', argv: null, undo: reload},
      ...(folder ? [] : [{kind: 'folder', path: IRQBALANCE_FOLDER, from: null, to: ''} as const]),
      {
        kind: 'file',
        path: IRQBALANCE_ENVIRONMENT,
        from: environment,
        to: [
          '# Written by isolctl.',
          ...(masked ? [`IRQBALANCE_BANNED_CPUS=${banned.toMask()}`] : []),
          `IRQBALANCE_BANNED_CPULIST=${banned}`,
          '',
        ].join('\n'),
      },
      ...(dropIn === DROP_IN
        ? []
        : [{kind: 'file', path: IRQBALANCE_DROP_IN, from: dropIn, to: DROP_IN} as const]),
      {kind: 'run', argv: reload, undo: null},
      {kind: 'run', argv: restart, undo: null},
    ]
    return {changes}
  },
})
