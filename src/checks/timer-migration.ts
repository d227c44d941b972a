// SPDX-License-Identifier: MIT
import {timerMigration} from '../facts/sysctls.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'timer-migration',
  title: 'timers may leave isolated CPUs',
  why: 'With timer_migration=0 a timer stays on the CPU that armed it, isolated or not, and interrupts it when it expires.',
  facts: {timerMigration},
  skip: ({timerMigration}) => (timerMigration === undefined ? 'this kernel has no such setting' : undefined),
  judge: ({timerMigration: knob}) =>
    knob === undefined || knob.text === '1'
      ? []
      : [
          {
            severity: 'warn',
            subject: knob.path,
            message: 'timers stay where they were armed',
            expected: '1',
            actual: knob.text,
          },
        ],
  evidence: () => 'they move to CPUs that are awake',
  remedy: {text: 'let them move, as is the default', command: 'isolctl apply --only timer-migration'},
  reference: 'kernel/time/timer.c: get_nohz_timer_target',
})
