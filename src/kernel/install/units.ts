// SPDX-License-Identifier: MIT
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {TRIAL_LOG} from './record.ts'

/**
 * The units are not enabled: the boot arguments of a trial start them, so that no other boot does.
 */
export const GUARD_UNIT = '/etc/systemd/system/isolctl-guard.service'
export const TRIAL_UNIT = '/etc/systemd/system/isolctl-trial.service'
/** A file that exists after the trial passed. The guard looks for it. */
export const CONFIRMED = '/run/isolctl-trial-confirmed'

/**
 * The boot arguments of a trial. The machine restarts after a panic, and where the initramfs would
 * open a shell. A CPU that the lockup detectors find hanging is a panic. systemd arms a hardware
 * watchdog, if the machine has one.
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
 * The shell script of the guard. It is short, because it must work when other programs do not. It
 * never waits for a disk: a disk may hang, and the one with the log may be mounted later. Each line
 * is written to the disk at once, so that a panic does not lose it. Before the guard restarts the
 * machine, it waits `flushSeconds` for the disks. Pure.
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
 * The unit that restarts a trial that was not confirmed in time. IgnoreOnIsolate keeps it running
 * in emergency mode, which would wait for a person. Pure.
 */
export function guardUnit(seconds: number): string {
  return `# Written by isolctl.
[Unit]
Description=isolctl: restart into the previous kernel unless this trial is confirmed
ConditionKernelCommandLine=isolctl.trial
DefaultDependencies=no
IgnoreOnIsolate=yes
After=systemd-remount-fs.service

[Service]
Type=exec
ExecStart=/bin/sh -c '${guardScript(seconds).replaceAll('$', () => '$$')}'
`
}

/**
 * The unit that judges a trial after boot. `isolctl` is the command that starts isolctl. Throws
 * UserError (exit 69) for a path that a unit file cannot contain without quoting. Pure.
 */
export function trialUnit(isolctl: readonly string[]): string {
  const odd = isolctl.find((word) => !/^[A-Za-z0-9/._+-]+$/.test(word))
  if (odd !== undefined)
    throw new UserError(`a systemd unit cannot name the path of isolctl: ${odd}`, {
      exit: Exit.unsuitable,
      help: 'install it in a directory whose path has only letters, digits, "/", ".", "_", "+" and "-"',
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
