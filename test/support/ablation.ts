// SPDX-License-Identifier: MIT

import type {Check} from '../../src/checks/check.ts'
import {CHECKS} from '../../src/checks/registry.ts'
import {runChecks} from '../../src/checks/run.ts'
import {type Fact, type Get, type Given, gatherer} from '../../src/facts/fact.ts'
import type {HostView} from '../../src/host/host.ts'
import {STEPS} from '../../src/plan/registry.ts'
import type {Step} from '../../src/plan/step.ts'

/** One way to damage a file: its new text, or undefined where it is removed. */
export const DAMAGES: Readonly<Record<string, (text: string) => string | undefined>> = {
  removed: () => undefined,
  empty: () => '',
  garbage: () => '\u0001\ufffd?;\n',
  'a word': () => 'garbage\n',
  'minus one': () => '-1\n',
  'with a unit': (text) => `${text.trimEnd()} ns\n`,
}

/**
 * Damaged text that is a possible value of its file all the same, and what a check then sees: an
 * argument, an id, a program without timers, a NUMA node that the firmware does not report.
 */
const POSSIBLE: readonly (readonly [path: RegExp, damage: string])[] = [
  // -1: no limit (Documentation/scheduler/sched-rt-group.rst).
  [/\/sched_rt_runtime_us$/, 'minus one'],
  [/^\/proc\/cmdline$/, 'a word'],
  [/\/boot_id$/, 'a word'],
  [/^\/proc\/\d+\/timers$/, 'empty'],
  // The operator's own file: no ban is written there.
  [/^\/etc\/(default|sysconfig)\/irqbalance$/, 'empty'],
  // An empty drop-in takes back one of the same name (systemd.unit(5)).
  [/^\/etc\/systemd\/system\/irqbalance\.service\.d\/[^/]+\.conf$/, 'empty'],
  // A menu without this entry.
  [/\/loader\/entries\//, 'removed'],
  // Another boot loader, by the name that it stores.
  [/\/LoaderInfo-/, 'a word'],
]

/** The operator's own file, which need not exist: where a complete capture lacks it, the machine did. */
const OWN = /^\/etc\/(default|sysconfig)\/irqbalance$/

export interface Violation {
  readonly path: string
  readonly damage: string
  readonly question: string
  readonly before: string
  readonly after: string
}

export interface Ablation {
  readonly runs: number
  readonly violations: readonly Violation[]
}

/** The same machine, of which each file and directory is read once. */
export function readOnce(host: HostView): HostView {
  const kept = new Map<string, Promise<unknown>>()
  const once =
    <T>(kind: string, read: (path: string) => Promise<T>) =>
    (path: string): Promise<T> => {
      const key = `${kind} ${path}`
      const known = kept.get(key) as Promise<T> | undefined
      if (known !== undefined) return known
      const fresh = read(path)
      fresh.catch(() => {})
      kept.set(key, fresh)
      return fresh
    }
  const {mode} = host
  return {
    ...host,
    read: once('read', (path) => host.read(path)),
    list: once('list', (path) => host.list(path)),
    isFolder: once('folder', (path) => host.isFolder(path)),
    ...(mode ? {mode: once('mode', (path) => mode(path))} : {}),
  }
}

/** The same machine with another text in one file; undefined: without the file. */
export function damaged(host: HostView, file: string, text: string | undefined): HostView {
  const folder = file.slice(0, file.lastIndexOf('/'))
  const name = file.slice(folder.length + 1)
  const {mode} = host
  return {
    ...host,
    read: async (path) => (path === file ? text : host.read(path)),
    list: async (path) => {
      const names = await host.list(path)
      return path === folder && text === undefined ? names.filter((each) => each !== name) : names
    },
    ...(mode ? {mode: async (path) => (path === file && text === undefined ? undefined : mode(path))} : {}),
  }
}

/** What a fact read, and which facts it asked for. */
interface Trail {
  readonly paths: Set<string>
  readonly facts: Set<Fact<unknown>>
}

/** A gatherer that remembers, for each fact, what it rests on. */
function tracing(host: HostView, known: readonly Given[]) {
  const values = new Map<Fact<unknown>, Promise<unknown>>(
    known.map(([fact, value]) => [fact, Promise.resolve(value)]),
  )
  const trails = new Map<Fact<unknown>, Trail>()
  const files = new Map<string, string>()
  const getter =
    (asker?: Trail): Get =>
    <T>(fact: Fact<T>) => {
      asker?.facts.add(fact)
      const old = values.get(fact) as Promise<T> | undefined
      if (old !== undefined) return old
      const trail: Trail = {paths: new Set(), facts: new Set()}
      trails.set(fact, trail)
      const {mode} = host
      const seen = <R>(path: string, result: Promise<R>) => {
        trail.paths.add(path)
        return result
      }
      const watched: HostView = {
        ...host,
        read: async (path) => {
          const text = await seen(path, host.read(path))
          if (text !== undefined) files.set(path, text)
          return text
        },
        list: (path) => seen(path, host.list(path)),
        isFolder: (path) => seen(path, host.isFolder(path)),
        ...(mode ? {mode: (path) => seen(path, mode(path))} : {}),
      }
      const value = fact.gather(watched, getter(trail))
      value.catch(() => {})
      values.set(fact, value)
      return value
    }
  return {get: getter(), values, trails, files}
}

/** A check that is judged, or a step that is planned. */
interface Question {
  readonly id: string
  readonly facts: readonly Fact<unknown>[]
  /** "ok", "skip", "fail", ...; "nothing", "changes" or "unknown" for a step. */
  answer(get: Get): Promise<string>
}

/** Answers that say that nothing is wrong. */
const GOOD = new Set(['ok', 'skip', 'nothing'])

const factsOf = ({facts}: Check | Step) => Object.values(facts as Record<string, Fact<unknown>>)

const QUESTIONS: readonly Question[] = [
  ...CHECKS.filter(({active}) => !active).map((check) => ({
    id: check.id,
    facts: factsOf(check),
    async answer(get: Get) {
      for await (const {status} of runChecks([check], get, {clock: () => 0})) return status
      return 'unknown'
    },
  })),
  ...STEPS.map((step) => ({
    id: `step ${step.id}`,
    facts: factsOf(step),
    async answer(get: Get) {
      try {
        const named = Object.entries(step.facts as Record<string, Fact<unknown>>)
        const values: [string, unknown][] = []
        for (const [name, fact] of named) values.push([name, await get(fact)])
        return step.plan(Object.fromEntries(values)).changes.length > 0 ? 'changes' : 'nothing'
      } catch {
        return 'unknown'
      }
    },
  })),
]

export interface AblationOptions {
  /** Only these damages, and only files for which this holds. */
  readonly damages?: readonly string[]
  readonly chosen?: (path: string, index: number) => boolean
}

/**
 * Damage one file at a time, of all that the checks and steps read, and ask again. A violation is a
 * check that did not pass and now passes or is skipped, or a step that had changes, or was unknown,
 * and now has nothing to do. Only the facts that rest on the file are gathered again, which makes a
 * run a thousand times faster than reading the machine.
 */
export async function ablate(
  machine: HostView,
  known: readonly Given[],
  {damages = Object.keys(DAMAGES), chosen = () => true}: AblationOptions = {},
): Promise<Ablation> {
  const host = readOnce(machine)
  const base = tracing(host, known)
  const before = new Map<string, string>()
  for (const question of QUESTIONS) before.set(question.id, await question.answer(base.get))
  const doubtful = QUESTIONS.filter(({id}) => !GOOD.has(before.get(id) ?? 'unknown'))
  const violations: Violation[] = []
  let runs = 0
  for (const [index, [path, text]] of [...base.files].entries()) {
    if (!chosen(path, index)) continue
    const stale = restingOn(base.trails, path)
    const affected = doubtful.filter(({facts}) => facts.some((fact) => stale.has(fact)))
    const fresh = [...base.values].filter(([fact]) => !stale.has(fact))
    for (const damage of damages) {
      if (POSSIBLE.some(([file, possible]) => file.test(path) && possible === damage)) continue
      if (machine.complete === true && damage === 'removed' && OWN.test(path)) continue
      runs++
      if (affected.length === 0) continue
      const get = gatherer(damaged(host, path, DAMAGES[damage]?.(text)), [...known, ...fresh])
      for (const {id, answer} of affected) {
        const after = await answer(get)
        if (GOOD.has(after))
          violations.push({path, damage, question: id, before: before.get(id) ?? '', after})
      }
    }
  }
  return {runs, violations}
}

/** The facts that read a file, or list its directory, and the facts that ask for these. */
function restingOn(trails: ReadonlyMap<Fact<unknown>, Trail>, path: string): ReadonlySet<Fact<unknown>> {
  const folder = path.slice(0, path.lastIndexOf('/'))
  const stale = new Set<Fact<unknown>>()
  for (const [fact, {paths}] of trails) if (paths.has(path) || paths.has(folder)) stale.add(fact)
  for (let size = -1; size !== stale.size; ) {
    size = stale.size
    for (const [fact, {facts}] of trails) if ([...facts].some((each) => stale.has(each))) stale.add(fact)
  }
  return stale
}
