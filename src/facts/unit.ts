// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'

export const UNIT = 'isolctl.service'
export const UNIT_FILE = `/etc/systemd/system/${UNIT}`

export interface Unit {
  readonly text?: string
  readonly enabled: boolean
}

/** The unit that isolctl writes, if it exists. */
export const unit = defineFact<Unit>('unit', async (host) => {
  const text = await host.read(UNIT_FILE)
  const enabled = (await host.read(`/etc/systemd/system/basic.target.wants/${UNIT}`)) !== undefined
  return {...(text === undefined ? {} : {text}), enabled}
})
