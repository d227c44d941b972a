// SPDX-License-Identifier: MIT
import {CHECKS} from '../checks/registry.ts'
import {bootId} from '../facts/boot-id.ts'
import {cmdline} from '../facts/cmdline.ts'
import {online, possible, present} from '../facts/cpus.ts'
import {type Fact, gatherer, given} from '../facts/fact.ts'
import {kernel} from '../facts/kernel.ts'
import {settings} from '../facts/settings.ts'
import {sharing, topology} from '../facts/topology.ts'
import {MANIFEST, type Manifest} from '../host/captured.ts'
import type {HostView} from '../host/host.ts'
import {recording} from '../host/recording.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {probe} from '../measure/watch.ts'
import {CpuSet} from '../model/cpuset.ts'
import {STEPS} from '../plan/registry.ts'
import {bansOf, namedEnvironments} from './kept.ts'
import {type Redactions, redactor} from './redact.ts'

/** The contents of a capture. Paths are relative, not empty, and do not lead out of the capture. */
export interface Capture {
  /**
   * Path to contents, including the manifest. Files whose names end in .gz are decompressed here.
   */
  readonly files: ReadonlyMap<string, string>
  /** Directories without files in the capture. */
  readonly folders: readonly string[]
  readonly redactions: Redactions
  /** Path to errno, for files that exist and could not be read. */
  readonly unreadable: Readonly<Record<string, string>>
}

/**
 * Files with versions and numbers, which are not redacted: the host name may be the name of a
 * distribution.
 */
const VERBATIM = new Set(['/proc/sys/kernel/osrelease'])

/**
 * Capture everything that a check, a step or a command reads: all facts are gathered for all CPUs,
 * and every read is kept, so no file can be missing. Nothing is measured. Throws UserError when
 * this is not a Linux machine.
 */
export async function takeCapture(
  machine: HostView,
  {version, also}: {readonly version: string; readonly also: readonly string[]},
): Promise<Capture> {
  const {host, recorded} = recording(machine)
  const cpus = await gatherer(host)(online).catch((cause: Error) => {
    throw new UserError(`cannot tell which CPUs are online: ${cause.message}`, {
      exit: Exit.unsuitable,
      help: 'with --root, give a directory with the sys/ and proc/ of a Linux machine',
      cause,
    })
  })
  const get = gatherer(host, [
    // Some facts are read for real-time programs only, and all threads are read only when all CPUs
    // are isolated.
    given(settings, {
      isolated: cpus,
      housekeeping: CpuSet.empty,
      policy: {kind: 'fifo', priority: 1},
      windowMs: 0,
    }),
    given(probe, {spin: false, isolate: false}),
  ])
  for (const fact of allFacts()) await get(fact).catch(() => {})
  for (const path of [...also, '/proc/timer_list']) await host.read(path).catch(() => {})

  const name = (await machine.read('/proc/sys/kernel/hostname').catch(() => undefined))?.trim() ?? ''
  const redact = redactor(name)
  const files = new Map<string, string>()
  const environments = namedEnvironments(recorded.files)
  for (const [path, text] of recorded.files) {
    const kept = path.endsWith('/environ')
      ? redact.environment(text === '' && machine.live ? '\0' : text) // in a capture, an empty one is damaged
      : environments.has(path)
        ? bansOf(text)
        : text
    files.set(inside(redact.path(path)), VERBATIM.has(path) ? kept : redact.secrets(path, redact.text(kept)))
  }
  const unreadable = Object.fromEntries([...recorded.errors].map(([path, code]) => [redact.path(path), code]))
  const manifest: Manifest = {
    schema: 'isolctl.capture/1',
    isolctl: version,
    errors: unreadable,
    modes: Object.fromEntries([...recorded.modes].map(([path, mode]) => [redact.path(path), mode & 0o7777])),
  }
  files.set(MANIFEST, `${JSON.stringify(manifest, null, 1)}\n`)
  return {
    files,
    folders: emptyFolders(recorded.folders, recorded.files).map((path) => inside(redact.path(path))),
    redactions: redact.counts(),
    unreadable,
  }
}

function allFacts(): ReadonlySet<Fact<unknown>> {
  const named = [...CHECKS, ...STEPS].flatMap(({facts}) =>
    Object.values(facts as Record<string, Fact<unknown>>),
  )
  return new Set([...named, bootId, cmdline, kernel, online, possible, present, sharing, topology])
}

/**
 * Names that were listed and not read: directories without files in the capture, and files that no
 * fact reads. In the capture they are empty directories, so that they appear in listings and a read
 * is an error, not an empty text.
 */
function emptyFolders(
  folders: ReadonlyMap<string, readonly string[]>,
  files: ReadonlyMap<string, string>,
): readonly string[] {
  const filled = new Set<string>()
  for (const path of [...files.keys(), ...folders.keys()])
    for (let at = path; at !== '' && !filled.has(at); at = at.slice(0, at.lastIndexOf('/'))) filled.add(at)
  const named = [...folders].flatMap(([folder, names]) => names.map((name) => `${folder}/${name}`))
  const bare = [...folders].flatMap(([folder, names]) => (names.length === 0 ? [folder] : []))
  return [...named.filter((path) => !filled.has(path)), ...bare]
}

/**
 * The path without the leading slash. Throws Error for a path that would lead out of the capture;
 * the kernel has no such path.
 */
function inside(path: string): string {
  const parts = path.split('/').filter(Boolean)
  if (parts.length === 0 || parts.some((part) => part === '..' || part === '.' || part.includes('\0')))
    throw new Error(`not a path to capture: ${JSON.stringify(path)}`)
  return parts.join('/')
}
