// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {defineFact, type Fact} from './fact.ts'

/** A setting of the kernel that is one file. */
export interface Knob {
  readonly path: string
  /** The contents without the newline. */
  readonly text: string
}

/** A setting, undefined when this kernel does not have it. */
export const knob = (id: string, path: string): Fact<Knob | undefined> =>
  defineFact(id, (host) => readKnob(host, path))

export async function readKnob(host: HostView, path: string): Promise<Knob | undefined> {
  const text = await host.read(path)
  return text === undefined ? undefined : {path, text: text.trim()}
}

/** The settings among these files that exist, in order. */
export async function readKnobs(host: HostView, paths: readonly string[]): Promise<readonly Knob[]> {
  const knobs = await Promise.all(paths.map((path) => readKnob(host, path)))
  return knobs.filter((each) => each !== undefined)
}
