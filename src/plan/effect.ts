// SPDX-License-Identifier: MIT
import {dirname} from 'node:path'
import {grubProblems} from '../boot/grub.ts'
import {parseGrubenv} from '../boot/grubenv.ts'
import {taskAffinity} from '../facts/tasks.ts'
import {type Host, HostError, type HostView} from '../host/host.ts'
import {type Change, type ContentChange, chosen, cpusOf, sameValue, subjectOf} from '../model/change.ts'

/**
 * The contents of a place now; null when it is absent, or when the thread has ended. Throws
 * HostError.
 */
export async function current(change: ContentChange, host: HostView): Promise<string | null> {
  switch (change.kind) {
    case 'affinity':
      return (await taskAffinity(host, change)) ?? null
    case 'folder':
      return (await host.isFolder(change.path)) ? '' : null
    case 'grubenv':
      return (await grubenv(change.path, host))?.get(change.name) ?? null
    default:
      return (await host.read(change.path)) ?? null
  }
}

async function grubenv(path: string, host: HostView): Promise<ReadonlyMap<string, string> | undefined> {
  const text = await host.read(path)
  if (text === undefined) return undefined
  const variables = parseGrubenv(text)
  if (variables === undefined) throw new Error(`${path} is not a GRUB environment block`)
  return variables
}

/**
 * Carry out a change and read it back, because the kernel may accept a value and keep another.
 * Throws HostError with the errno of the write, Error when the value read back differs.
 */
export async function effect(change: Change, host: Host): Promise<void> {
  switch (change.kind) {
    case 'set':
      // Undo has the whole list, "[always] madvise never"; the kernel accepts one word of it.
      await host.set(change.path, change.format === 'choice' ? chosen(change.to) : change.to)
      break
    case 'affinity':
      await host.setAffinity(change, change.to)
      break
    case 'folder':
      await host.makeFolder(change.path, change.to !== null)
      break
    case 'file':
      await host.writeFile(change.path, change.to)
      break
    case 'grubenv': {
      const {editenv, path, name, to} = change
      await host.run(to === null ? [editenv, path, 'unset', name] : [editenv, path, 'set', `${name}=${to}`])
      await host.checkpoint(dirname(path))
      break
    }
    case 'run':
      if (change.argv === null) return
      if (change.into) await generate(change.argv, change.into, host)
      else if (!(await needless(change.argv, host))) await host.run(change.argv)
      return
  }
  const found = await current(change, host)
  if (!sameValue(change, found, change.to))
    throw new Error(
      `wrote "${change.to}" to ${subjectOf(change)}, and it reads back as "${found?.trim() ?? ''}"`,
    )
}

/**
 * Run a command that generates a grub.cfg, check its output, and put it in place in one step.
 * update-grub would overwrite the file that GRUB reads, and a power cut could leave a part of it.
 * The command runs in the operator's locale, because menu titles are translated.
 */
async function generate(
  argv: readonly [string, ...string[]],
  {path, check, passes}: NonNullable<Extract<Change, {kind: 'run'}>['into']>,
  host: Host,
): Promise<void> {
  const {stdout} = await host.run(argv, {translated: true})
  const [problem, ...more] = grubProblems(stdout, passes)
  if (problem !== undefined)
    throw new Error(
      `the output of ${argv.join(' ')} differs from the plan: ${problem}${more.length > 0 ? ` (and ${more.length} more)` : ''}`,
    )
  await host.run(check, {stdin: stdout})
  await host.writeFile(path, stdout)
}

/**
 * Whether systemctl has nothing to do: in a rescue shell systemd does not run, and reads its files
 * when it starts.
 */
async function needless([program, verb]: readonly string[], host: HostView): Promise<boolean> {
  const ofManager = program === 'systemctl' && (verb === 'daemon-reload' || verb === 'try-restart')
  return ofManager && !(await host.isFolder('/run/systemd/system'))
}

/**
 * Why the kernel refused a change, when the error means that: EIO up to 6.11 and EPERM since for an
 * interrupt (kernel/irq/proc.c), EINVAL for a thread that the kernel has bound since the plan was
 * made (kernel/sched/syscalls.c), EBUSY for a change with `refusable: 'busy'`. Undefined for an
 * error that is a failure.
 */
export function refusal(change: Change, error: unknown): string | undefined {
  if (!(error instanceof HostError)) return undefined
  const {code} = error
  const refuses =
    change.kind === 'affinity'
      ? code === 'EINVAL'
      : change.kind === 'set' &&
        (change.refusable === 'busy' ? ['EBUSY'] : change.refusable ? ['EIO', 'EPERM'] : []).includes(code)
  if (!refuses) return undefined
  return code === 'EBUSY' ? 'the kernel refuses to change it now (EBUSY)' : `placed by the kernel (${code})`
}

/**
 * The effective value while it differs from the written one: an interrupt moves when it fires the
 * next time. Undefined when it is in force, or when the kernel does not report it.
 */
export async function lagging(change: Change, host: HostView): Promise<string | undefined> {
  if (change.kind !== 'set' || change.effective === undefined) return undefined
  const text = (await host.read(change.effective).catch(() => undefined))?.trim()
  const [there, wanted] = [cpusOf('cpulist', text ?? ''), cpusOf('cpulist', change.to)]
  return there && wanted && !there.isSubsetOf(wanted) ? text : undefined
}
