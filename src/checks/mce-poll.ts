// SPDX-License-Identifier: MIT
import {machineCheckPoll} from '../facts/machine-check.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'mce-poll',
  title: 'the kernel does not poll for machine checks',
  why: 'A timer on every CPU, isolated or not, polls for corrected hardware errors, every 5 minutes by default.',
  values: 'The seconds between two polls, on every CPU. 0 is off.',
  facts: {machineCheckPoll},
  skip: ({machineCheckPoll}) =>
    machineCheckPoll === undefined ? 'the machine has no machine check polling' : undefined,
  judge: ({machineCheckPoll}) =>
    machineCheckPoll === 0
      ? []
      : [
          {
            severity: 'warn',
            subject: '/sys/devices/system/machinecheck/machinecheck0/check_interval',
            message: `every CPU is interrupted every ${machineCheckPoll} s`,
            expected: '0',
            actual: `${machineCheckPoll}`,
          },
        ],
  evidence: () => 'off',
  remedy: {
    text: 'turn the poll off until reboot, or boot with mce=ignore_ce; errors are then only reported by interrupt',
    step: 'mce-poll',
  },
  reference: 'arch/x86/kernel/cpu/mce/core.c: mce_timer_fn',
})
