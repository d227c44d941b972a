// SPDX-License-Identifier: MIT
import type {Result} from '../checks/run.ts'
import {bootId} from '../facts/boot-id.ts'
import {online} from '../facts/cpus.ts'
import type {Fact, Get} from '../facts/fact.ts'
import {kernel} from '../facts/kernel.ts'
import {settings} from '../facts/settings.ts'
import type {HostView} from '../host/host.ts'
import {busy, watched} from '../measure/watch.ts'
import type {ReportContext} from './json.ts'

/**
 * What a report contains beside its results. The watch is in it only if a check needed it, because
 * this function measures nothing.
 */
export async function reportContext(
  host: HostView,
  get: Get,
  {version, results}: {readonly version: string; readonly results: readonly Result[]},
): Promise<ReportContext> {
  const maybe = <T>(fact: Fact<T>): Promise<T | undefined> => get(fact).catch(() => undefined)
  const needed = (fact: Fact<unknown>) =>
    results.some(({check}) => Object.values(check.facts).includes(fact)) ? maybe(fact) : undefined
  const values = {
    kernel: (await maybe(kernel))?.release,
    bootId: await maybe(bootId),
    online: await maybe(online),
    watch: (await needed(busy)) ?? (await needed(watched)),
  }
  const known = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
  return {version, name: host.name, live: host.live !== undefined, settings: await get(settings), ...known}
}
