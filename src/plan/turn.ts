// SPDX-License-Identifier: MIT
import type {Knob} from '../facts/knob.ts'
import type {Change} from '../model/change.ts'

/**
 * The change that sets a knob to a value; none when it has the value, or when this kernel lacks the
 * knob. Pure.
 */
export function turn(knob: Knob | undefined, to: string, format?: 'choice'): readonly Change[] {
  if (knob === undefined || knob.text === to) return []
  return [{kind: 'set', path: knob.path, from: knob.text, to, ...(format ? {format} : {})}]
}
