// SPDX-License-Identifier: MIT

import type {Settings} from '../model/settings.ts'
import {defineFact} from './fact.ts'

/** Given by the command, not read from the machine: see `given` in fact.ts. */
export const settings = defineFact<Settings>('settings', () => {
  throw new Error('the settings of this run were not given')
})
