// SPDX-License-Identifier: MIT
import {timerMigration} from '../facts/sysctls.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'timer-migration',
  title: 'timers can move off isolated CPUs',
  why: 'With timer_migration=0, a timer stays on the CPU that armed it, isolated or not, and interrupts it when it expires.',
  values: '1: a timer moves to a CPU that is awake. 0: it fires on the CPU that armed it.',
  extended: true,
  facts: {timerMigration},
  skip: ({timerMigration}) => (timerMigration === undefined ? 'this kernel has no such setting' : undefined),
  judge({timerMigration: knob}) {
    if (knob === undefined || knob.text === '1') return []
    if (knob.text !== '0') return {unknown: `${knob.path}: not a setting: "${knob.text.slice(0, 40)}"`}
    return [
      {
        severity: 'warn',
        subject: knob.path,
        message: 'timers stay on the CPU that armed them',
        expected: '1',
        actual: '0',
      },
    ]
  },
  evidence: () => 'they move to CPUs that are awake',
  remedy: {text: 'let them move, which is the default', step: 'timer-migration'},
  reference: 'kernel/time/timer.c: get_nohz_timer_target',
})
