// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {defineFact, type Fact} from './fact.ts'

/** A setting that is one file of the kernel. */
export interface Knob {
  readonly path: string
  /** As read, without the newline. */
  readonly text: string
}

/** The setting, or undefined where this kernel has none. */
export const knob = (id: string, path: string): Fact<Knob | undefined> =>
  defineFact(id, (host) => readKnob(host, path))

export async function readKnob(host: HostView, path: string): Promise<Knob | undefined> {
  const text = await host.read(path)
  return text === undefined ? undefined : {path, text: text.trim()}
}

/** Those of these files that there are, in order. */
export async function readKnobs(host: HostView, paths: readonly string[]): Promise<readonly Knob[]> {
  const knobs = await Promise.all(paths.map((path) => readKnob(host, path)))
  return knobs.filter((each) => each !== undefined)
}
