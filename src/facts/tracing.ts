// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {defineFact, mustRead, parsed, readText, word} from './fact.ts'

/**
 * Active tracing in one instance: the tracer ("nop" for none), and the number of enabled events.
 * Without `events`, it is not known whether one is enabled.
 */
export interface Tracing {
  readonly instance: string
  readonly tracer: string
  readonly events?: number
}

/** The main instance and all others. tracefs, root only. */
export const tracing = defineFact<readonly Tracing[]>('tracing', async (host) => {
  const roots = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']
  for (const root of roots) {
    if ((await host.list(root)).length === 0) continue
    const instances = await host.list(`${root}/instances`)
    return Promise.all(
      [root, ...instances.map((name) => `${root}/instances/${name}`)].map((instance) =>
        readTracing(host, instance),
      ),
    )
  }
  throw new Error(`${roots[0]} cannot be read: is tracefs mounted?`)
})

async function readTracing(host: HostView, instance: string): Promise<Tracing> {
  const [tracer, enabled] = [`${instance}/current_tracer`, `${instance}/set_event`]
  const text = await host.read(enabled)
  if (text === undefined) throw new Error(`${enabled} does not exist`)
  const events = text.split('\n').filter((line) => line.trim() !== '')
  if (!events.every((event) => /^\w+:[\w-]+\s*$/.test(event)))
    throw new Error(`${enabled}: not a list of events`)
  // No byte: no event is enabled (kernel/trace/trace_events.c: s_next), or the text is lost. "0" in
  // events/enable, which every instance has, says which.
  const known = text !== '' || (await readText(host, `${instance}/events/enable`))?.trim() === '0'
  const found = {instance, tracer: parsed(tracer, await mustRead(host, tracer), word)}
  return known ? {...found, events: events.length} : found
}

/** Tracers that this kernel has: "osnoise", "timerlat", "function". */
export const tracers = defineFact<readonly string[]>('tracers', async (host) => {
  for (const root of ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']) {
    const text = await readText(host, `${root}/available_tracers`)
    if (text !== undefined) return text.trim().split(/\s+/).map(word)
  }
  throw new Error('/sys/kernel/tracing cannot be read: is tracefs mounted?')
})
