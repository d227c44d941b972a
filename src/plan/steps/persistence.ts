// SPDX-License-Identifier: MIT
import {type Invocation, invocation} from '../../facts/invocation.ts'
import {managementNics} from '../../facts/management.ts'
import {systemd} from '../../facts/systemd.ts'
import {UNIT, UNIT_FILE, unit} from '../../facts/unit.ts'
import type {Change} from '../../model/change.ts'
import {STATE_DIRECTORY} from '../../model/journal.ts'
import {defineStep} from '../step.ts'

/**
 * A unit and not a daemon: what is set at run time stays set until the next boot. The unit makes a
 * new plan, because the numbers of interrupts and threads change with a reboot.
 */
export const persistence = defineStep({
  id: 'persistence',
  check: 'irq-affinity-requested',
  title: () => 'Apply these changes early at every boot',
  blast: 'the boot takes a few seconds longer; a failure is undone and logged, and does not stop the boot',
  onRequest: 'changes every boot from now on',
  facts: {invocation, managementNics, systemd, unit},
  plan({invocation, managementNics = [], systemd, unit}) {
    if (!systemd)
      throw new Error('systemd does not run this machine: run "isolctl apply --yes" early at boot')
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
 * The unit runs between sysinit.target, when file systems, modules and debugfs are ready, and
 * basic.target, after which ordinary units start, including the workload (bootup(7)). The routes
 * that identify the management card do not exist yet at that time, so its name is in the command
 * line.
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
# A run that was not confirmed must not be repeated at the next boot: nothing is applied then.
ExecCondition=${[...program, 'undo', '--overdue'].map(quoted).join(' ')}
ExecStartPre=-udevadm settle --timeout=60
ExecStart=${words.map(quoted).join(' ')}
# Steps that cannot be planned are logged and are not a failure.
SuccessExitStatus=3
TimeoutStartSec=300

[Install]
WantedBy=basic.target
`
}

/**
 * One word of a unit file: systemd.syntax(7), with the specifiers and variables of
 * systemd.service(5) escaped.
 */
const quoted = (word: string): string =>
  /^[\w@+=:,./-]+$/.test(word)
    ? word
    : `"${word.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%').replaceAll('$', '$$$$')}"`
