// SPDX-License-Identifier: MIT
import {seen} from '../facts/fact.ts'
import {enabledTimers} from '../facts/systemd.ts'
import {defineCheck} from './check.ts'

const FIRMWARE = new Set(['fwupd-refresh.timer', 'fwupd.timer'])

export default defineCheck({
  id: 'fwupd-timers',
  title: 'no timer starts work in the firmware',
  why: 'The firmware answers fwupd in system management mode. All CPUs stop meanwhile, and no counter of the kernel shows it.',
  values: 'Each finding is an enabled systemd timer that calls the firmware, which stops all CPUs (SMI).',
  extended: true,
  facts: {enabledTimers, units: seen('/etc/systemd/system')},
  skip: ({units}) => (units ? undefined : 'systemd does not run this machine'),
  judge: ({enabledTimers}) =>
    enabledTimers
      .filter((name) => FIRMWARE.has(name))
      .map((name) => ({
        severity: 'warn',
        subject: name,
        message: 'is enabled',
        remedy: {text: 'disable it', command: `systemctl disable --now ${name}`},
      })),
  evidence: ({enabledTimers}) => `${enabledTimers.length} timers enabled`,
  reference: 'fwupd(8)',
})
