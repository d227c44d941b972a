// SPDX-License-Identifier: MIT
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {TRIAL_LOG} from './record.ts'

/** Not enabled: the trial's own boot arguments pull them in, so that no other boot ever sees them. */
export const GUARD_UNIT = '/etc/systemd/system/isolctl-guard.service'
export const TRIAL_UNIT = '/etc/systemd/system/isolctl-trial.service'
/** The trial was judged good: the guard leaves it alone. */
export const CONFIRMED = '/run/isolctl-trial-confirmed'

/**
 * The arguments that make a boot a trial: a panic restarts the machine, and so does the initramfs where it would open a
 * shell; a CPU that the lockup detectors find hanging is a panic; a hardware watchdog, where there is one, is armed as
 * soon as systemd runs.
 */
export const trialArguments = (release: string): readonly string[] => [
  'panic=30',
  'oops=panic',
  'softlockup_panic=1',
  'nmi_watchdog=panic',
  'systemd.wants=isolctl-guard.service',
  'systemd.wants=isolctl-trial.service',
  'systemd.watchdog_sec=60',
  `isolctl.trial=${release}`,
]

/**
 * What the guard runs: a few words of shell, because it has to work when everything else does not. It never waits for a
 * disk: one may hang, and that of the log may not be there yet; its folder then comes later, and the first line with it.
 * Each line is on the disk at once, because a panic takes with it what is only in memory. Before it restarts the machine it
 * gives the disks `flushSeconds`.
 */
export function guardScript(
  seconds: number,
  {log = TRIAL_LOG, confirmed = CONFIRMED, flushSeconds = 10} = {},
): string {
  const line = (event: string) =>
    `echo "$(uname -r) $(cat /proc/sys/kernel/random/boot_id) ${event}" >>${log} && sync ${log}`
  return [
    `(until ${line('started')}; do sleep 1; done) 2>/dev/null & sleep ${seconds}`,
    `[ -e ${confirmed} ] && exit 0`,
    `(${line('late')}; sync) & sleep ${flushSeconds}`,
    'exec systemctl reboot --force --force',
  ].join('; ')
}

/**
 * Restarts a trial that was not confirmed in time. IgnoreOnIsolate: a boot that fell into emergency mode is not to wait for
 * a person either.
 */
export function guardUnit(seconds: number): string {
  return `# Written by isolctl.
[Unit]
Description=isolctl: restart into the kernel before, unless this trial is confirmed
ConditionKernelCommandLine=isolctl.trial
DefaultDependencies=no
IgnoreOnIsolate=yes
After=systemd-remount-fs.service

[Service]
Type=exec
ExecStart=/bin/sh -c '${guardScript(seconds).replaceAll('$', () => '$$')}'
`
}

/** Judges a trial when the machine has come up. `isolctl` is how to start us. Throws UserError for an odd path. */
export function trialUnit(isolctl: readonly string[]): string {
  const odd = isolctl.find((word) => !/^[A-Za-z0-9/._+-]+$/.test(word))
  if (odd !== undefined)
    throw new UserError(`isolctl lies where a systemd unit cannot name it: ${odd}`, {
      exit: Exit.unsuitable,
      help: 'install it in a directory whose name has letters, digits, ".", "_", "+" and "-" only',
    })
  return `# Written by isolctl.
[Unit]
Description=isolctl: judge this trial of a kernel
ConditionKernelCommandLine=isolctl.trial
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
Requires=boot-complete.target
After=boot-complete.target multi-user.target
RequiresMountsFor=${isolctl.join(' ')}

[Service]
Type=oneshot
ExecStart=${isolctl.join(' ')} kernel judge
TimeoutStartSec=infinity
`
}
