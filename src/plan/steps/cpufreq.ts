// SPDX-License-Identifier: MIT
import {frequencyPolicies} from '../../facts/idle.ts'
import {settings} from '../../facts/settings.ts'
import {defineStep} from '../step.ts'
import {turn} from '../turn.ts'

export const cpufreq = defineStep({
  id: 'cpufreq',
  check: 'cpufreq-policy',
  title: ({isolated}) => `Run CPUs ${isolated} at full frequency`,
  blast: 'these CPUs use more power, and so do CPUs with the same frequency policy',
  facts: {settings, frequencyPolicies},
  plan: ({settings: {isolated}, frequencyPolicies}) => ({
    changes: frequencyPolicies
      .filter(({cpus, available}) => !cpus.intersect(isolated).isEmpty && available.includes('performance'))
      .flatMap(({cpus, governor}) =>
        turn(governor, 'performance').map((change) => ({...change, about: `CPU ${cpus}`})),
      ),
  }),
})
