// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'

/** One thing we can learn about a machine. Gathered at most once per run, so every check judges the same snapshot. */
export interface Fact<T> {
  readonly id: string
  /** May throw: the checks that need it are then `unknown`, with the message as the reason. */
  gather(host: HostView, get: Get): Promise<T>
}

/** Gives the value of a fact; rejects when it cannot be known. */
export type Get = <T>(fact: Fact<T>) => Promise<T>

/** A question that was not put, and why: `--passive`, a captured machine. The checks that need the answer are skipped. */
export class NotMeasured extends Error {
  override readonly name = 'NotMeasured'
}

export function defineFact<T>(id: string, gather: Fact<T>['gather']): Fact<T> {
  return {id, gather}
}

/** The same, for checks that can judge without it: undefined where it cannot be known. */
export function optional<T>(fact: Fact<T>): Fact<T | undefined> {
  return defineFact(`${fact.id}?`, async (_host, get) => get(fact).catch(() => undefined))
}

/** A fact's value that is known beforehand, for `gatherer`. */
export type Given = readonly [Fact<unknown>, unknown]

export function given<T>(fact: Fact<T>, value: T): Given {
  return [fact, value]
}

/** A reader of facts with one memory: what two checks share is read once. */
export function gatherer(host: HostView, known: readonly Given[] = []): Get {
  const memo = new Map<Fact<unknown>, Promise<unknown>>(
    known.map(([fact, value]) => [fact, Promise.resolve(value)]),
  )
  const get = <T>(fact: Fact<T>): Promise<T> => {
    const value = (memo.get(fact) as Promise<T> | undefined) ?? fact.gather(host, get)
    memo.set(fact, value)
    return value
  }
  return get
}

/** The text of a file that must exist for the fact to be known. */
export async function mustRead(host: HostView, path: string): Promise<string> {
  const text = await host.read(path)
  if (text === undefined) throw new Error(`${path} does not exist`)
  return text
}
