// SPDX-License-Identifier: MIT
import {timerMigration} from '../../facts/sysctls.ts'
import {defineStep} from '../step.ts'
import {turn} from '../turn.ts'

export const timerMigrationStep = defineStep({
  id: 'timer-migration',
  check: 'timer-migration',
  title: () => 'Let timers move away from isolated CPUs',
  blast: 'a timer may fire on another CPU than the one that armed it, which is the kernel default',
  facts: {timerMigration},
  // 0 keeps a timer where it was armed, isolated or not (kernel/time/timer.c:
  // get_nohz_timer_target).
  plan: ({timerMigration}) => ({changes: turn(timerMigration, '1')}),
})
