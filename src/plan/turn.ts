// SPDX-License-Identifier: MIT
import type {Knob} from '../facts/knob.ts'
import type {Change} from '../model/change.ts'

/** The change that turns a setting to a value: none where it is so, or where this kernel has no such setting. Pure. */
export function turn(knob: Knob | undefined, to: string, format?: 'choice'): readonly Change[] {
  if (knob === undefined || knob.text === to) return []
  return [{kind: 'set', path: knob.path, from: knob.text, to, ...(format ? {format} : {})}]
}
