// SPDX-License-Identifier: MIT
import {MACHINE_CHECK_INTERVAL, machineCheckPoll} from '../../facts/machine-check.ts'
import {defineStep} from '../step.ts'

export const mcePoll = defineStep({
  id: 'mce-poll',
  check: 'mce-poll',
  title: () => 'Stop polling for corrected machine checks',
  blast: 'only interrupts report corrected hardware errors; every CPU is interrupted once now',
  facts: {machineCheckPoll},
  plan: ({machineCheckPoll}) => ({
    changes:
      machineCheckPoll === undefined || machineCheckPoll === 0
        ? []
        : [{kind: 'set', path: MACHINE_CHECK_INTERVAL, from: `${machineCheckPoll}`, to: '0'}],
  }),
})
