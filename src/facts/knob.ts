// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {defineFact, type Fact, mayRead, parsed} from './fact.ts'

/** A setting of the kernel that is one file. */
export interface Knob {
  readonly path: string
  /** The contents without the newline. */
  readonly text: string
}

/** Throws Error for a text that the kernel does not print in this file: `integer`, `word`, `choice`. */
export type Form = (text: string) => unknown

/** The word in brackets in a list of choices: "always [madvise] never". Throws Error. */
export function choice(text: string): string {
  const chosen = /\[([\w-]+)\]/.exec(text)?.[1]
  if (chosen === undefined) throw new Error(`not a list of choices: "${text.trim().slice(0, 40)}"`)
  return chosen
}

/**
 * A setting, undefined when this kernel does not have it. Throws Error when it has another form, and
 * as mayRead.
 */
export const knob = (id: string, path: string, form: Form): Fact<Knob | undefined> =>
  defineFact(id, (host) => readKnob(host, path, form))

export async function readKnob(host: HostView, path: string, form: Form): Promise<Knob | undefined> {
  const text = await mayRead(host, path)
  if (text === undefined) return undefined
  parsed(path, text, form)
  return {path, text: text.trim()}
}

/** A setting that this kernel has. Throws Error when its file does not exist, and as readKnob. */
export async function mustKnob(host: HostView, path: string, form: Form): Promise<Knob> {
  const found = await readKnob(host, path, form)
  if (found === undefined) throw new Error(`${path} does not exist`)
  return found
}
