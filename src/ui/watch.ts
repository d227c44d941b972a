// SPDX-License-Identifier: MIT

import type {ApplyEvent} from '../plan/apply.ts'
import type {UndoEvent} from '../plan/undo.ts'
import {renderEvent} from '../report/events.ts'
import {columns, note} from './terminal.ts'

/** Prints each event on stderr, and passes it on. */
export async function* watch<T extends ApplyEvent | UndoEvent>(
  events: AsyncIterable<T>,
  {quiet, verbose, json}: {quiet: boolean; verbose: boolean; json: boolean},
): AsyncGenerator<T> {
  for await (const event of events) {
    if (!json) note(renderEvent(event, {width: columns(), quiet, verbose}))
    yield event
  }
}
