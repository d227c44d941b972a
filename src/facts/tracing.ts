// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'

/**
 * Active tracing in one instance: the tracer ("nop" for none), and the number of enabled events.
 */
export interface Tracing {
  readonly instance: string
  readonly tracer: string
  readonly events: number
}

/** The main instance and all others. tracefs, root only. */
export const tracing = defineFact<readonly Tracing[]>('tracing', async (host) => {
  const roots = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']
  for (const root of roots) {
    if ((await host.read(`${root}/current_tracer`)) === undefined) continue
    const instances = await host.list(`${root}/instances`)
    return Promise.all(
      [root, ...instances.map((name) => `${root}/instances/${name}`)].map(async (instance) => ({
        instance,
        tracer: (await host.read(`${instance}/current_tracer`))?.trim() ?? 'nop',
        events: ((await host.read(`${instance}/set_event`)) ?? '')
          .split('\n')
          .filter((line) => line.trim() !== '').length,
      })),
    )
  }
  throw new Error(`${roots[0]} cannot be read: is tracefs mounted?`)
})

/** Tracers that this kernel has: "osnoise", "timerlat", "function". */
export const tracers = defineFact<readonly string[]>('tracers', async (host) => {
  for (const root of ['/sys/kernel/tracing', '/sys/kernel/debug/tracing']) {
    const text = await host.read(`${root}/available_tracers`)
    if (text !== undefined) return text.trim().split(/\s+/)
  }
  throw new Error('/sys/kernel/tracing cannot be read: is tracefs mounted?')
})
