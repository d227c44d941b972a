// SPDX-License-Identifier: MIT
import {DEEPEST_US, idleStates} from '../../facts/idle.ts'
import {settings} from '../../facts/settings.ts'
import {defineStep} from '../step.ts'
import {turn} from '../turn.ts'

export const idleStatesStep = defineStep({
  id: 'idle-states',
  check: 'cstate-limit',
  title: ({isolated}) => `Keep CPUs ${isolated} out of deep idle states`,
  blast: 'these CPUs use more power while idle and leave less thermal budget for the others',
  facts: {settings, idleStates},
  plan: ({idleStates}) => ({
    changes: idleStates
      .filter(({latencyUs}) => latencyUs > DEEPEST_US)
      .flatMap(({name, latencyUs, disable}) =>
        turn(disable, '1').map((change) => ({...change, about: `${name}, ${latencyUs} us`})),
      ),
  }),
})
