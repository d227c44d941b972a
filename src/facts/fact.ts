// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'

/** One thing we can learn about a machine. Gathered at most once per run, so every check judges the same snapshot. */
export interface Fact<T> {
  readonly id: string
  /** May throw: the checks that need it are then `unknown`, with the message as the reason. */
  gather(host: HostView, get: <U>(fact: Fact<U>) => Promise<U>): Promise<T>
}

export function defineFact<T>(id: string, gather: Fact<T>['gather']): Fact<T> {
  return {id, gather}
}

/** A reader of facts with one memory: what two checks share is read once. */
export function gatherer(host: HostView): <T>(fact: Fact<T>) => Promise<T> {
  const memo = new Map<Fact<unknown>, Promise<unknown>>()
  const get = <T>(fact: Fact<T>): Promise<T> => {
    const known = memo.get(fact) as Promise<T> | undefined
    if (known !== undefined) return known
    const value = fact.gather(host, get)
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
