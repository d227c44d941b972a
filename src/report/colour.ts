// SPDX-License-Identifier: MIT
import {Chalk, supportsColor} from 'chalk'
import type {Paint} from './text.ts'

/** chalk does not read NO_COLOR (https://no-color.org). */
export function colourLevel(env: NodeJS.ProcessEnv, detected: 0 | 1 | 2 | 3): 0 | 1 | 2 | 3 {
  return env['NO_COLOR'] && !env['FORCE_COLOR'] ? 0 : detected
}

export const colour = new Chalk({level: colourLevel(process.env, supportsColor ? supportsColor.level : 0)})

/** Styles text for the terminal that this process writes to. */
export const paintWith: Paint = (style, text) => colour[style](text)
