// SPDX-License-Identifier: MIT
import {type Invocation, invocation} from '../../facts/invocation.ts'
import {managementNics} from '../../facts/management.ts'
import {systemd} from '../../facts/systemd.ts'
import {UNIT, UNIT_FILE, unit} from '../../facts/unit.ts'
import type {Change} from '../../model/change.ts'
import {STATE_DIRECTORY} from '../../model/journal.ts'
import {defineStep} from '../step.ts'

/**
 * A unit, and not a daemon: what is set at run time stays set until the next boot. It plans anew, because the numbers of
 * interrupts and threads are not the same after a reboot.
 */
export const persistence = defineStep({
  id: 'persistence',
  check: 'irq-affinity-requested',
  title: () => 'Do all this again early at every boot',
  blast: 'the boot waits for it, a few seconds; a failure is undone, logged, and does not stop the boot',
  onRequest: 'changes every boot from now on',
  facts: {invocation, managementNics, systemd, unit},
  plan({invocation, managementNics = [], systemd, unit}) {
    if (!systemd)
      throw new Error('systemd does not run this machine: have "isolctl apply --yes" run early at boot')
    const nics = managementNics.map(({nic}) => nic)
    const text = unitText(invocation, nics)
    const from = unit.text ?? null
    if (text === from && unit.enabled) return {changes: []}
    const changes: Change[] = [
      {kind: 'run', argv: null, undo: ['systemctl', 'daemon-reload']},
      ...(text === from ? [] : [{kind: 'file', path: UNIT_FILE, from, to: text} as const]),
      {kind: 'run', argv: ['systemctl', 'daemon-reload'], undo: null},
      ...(unit.enabled
        ? []
        : [
            {kind: 'run', argv: ['systemctl', 'enable', UNIT], undo: ['systemctl', 'disable', UNIT]} as const,
          ]),
    ]
    return {changes}
  },
})

/**
 * Between sysinit.target, when file systems, modules and debugfs are there, and basic.target, after which everything
 * ordinary starts, the workload included (bootup(7)). By then the routes are not there yet by which we know the card
 * that must be left alone: it is named.
 */
export function unitText({program, flags}: Invocation, nics: readonly string[]): string {
  const words = [...program, 'apply', '--yes', ...flags, ...nics.flatMap((nic) => ['--spare-nic', nic])]
  return `# Written by isolctl; isolctl undo removes it.
[Unit]
Description=Keep the system off isolated CPUs
DefaultDependencies=no
After=sysinit.target systemd-udev-trigger.service
Before=basic.target shutdown.target
Conflicts=shutdown.target
RequiresMountsFor=${[STATE_DIRECTORY, ...program].map(quoted).join(' ')}

[Service]
Type=oneshot
RemainAfterExit=yes
# A run that nobody confirmed must not come back with the next boot: then nothing is applied.
ExecCondition=${[...program, 'undo', '--overdue'].map(quoted).join(' ')}
ExecStartPre=-udevadm settle --timeout=60
ExecStart=${words.map(quoted).join(' ')}
# What could not be planned is named in the log, and no failure.
SuccessExitStatus=3
TimeoutStartSec=300

[Install]
WantedBy=basic.target
`
}

/** One word of a unit file: systemd.syntax(7), with the specifiers and variables of systemd.service(5) kept out. */
const quoted = (word: string): string =>
  /^[\w@+=:,./-]+$/.test(word)
    ? word
    : `"${word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`
