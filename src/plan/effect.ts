// SPDX-License-Identifier: MIT
import {dirname} from 'node:path'
import {grubProblems} from '../boot/grub.ts'
import {parseGrubenv} from '../boot/grubenv.ts'
import {taskAffinity} from '../facts/tasks.ts'
import {type Host, HostError, type HostView} from '../host/host.ts'
import {type Change, type ContentChange, chosen, cpusOf, sameValue, subjectOf} from '../model/change.ts'

/** What is there now; null when nothing is, or when the thread of that number is another one. Throws HostError. */
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
 * Turn a change into an effect, and read it back: a kernel that says yes and does something else is an error. Throws
 * HostError with the errno of the write, Error when another value is there afterwards.
 */
export async function effect(change: Change, host: Host): Promise<void> {
  switch (change.kind) {
    case 'set':
      // Undo has the whole list that was there, "[always] madvise never", and the kernel takes one word of it.
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
      await host.settle(dirname(path))
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
 * Let a command make a grub.cfg, and put it in place when it is sound. update-grub would write over the file that GRUB
 * reads, and a power cut meanwhile leave half of it. In the operator's own language: menu titles are translated.
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
      `what ${argv.join(' ')} makes is not what was planned: ${problem}${more.length > 0 ? ` (and ${more.length} more)` : ''}`,
    )
  await host.run(check, {stdin: stdout})
  await host.writeFile(path, stdout)
}

/** From a rescue shell: a systemd that does not run has nothing to reload or to restart, and will read its files anew. */
async function needless([program, verb]: readonly string[], host: HostView): Promise<boolean> {
  const ofManager = program === 'systemctl' && (verb === 'daemon-reload' || verb === 'try-restart')
  return ofManager && !(await host.isFolder('/run/systemd/system'))
}

/**
 * Why the kernel keeps something as it is, if that is what the error says: EIO up to 6.11 and EPERM since for an
 * interrupt (kernel/irq/proc.c), EINVAL for a thread that it bound after we looked (kernel/sched/syscalls.c), EBUSY for a
 * change that says so. Undefined for an error that is a failure.
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
  return code === 'EBUSY' ? 'the kernel does not let go of it now (EBUSY)' : `placed by the kernel (${code})`
}

/**
 * Where the value is in force when that is not yet where it was sent: an interrupt moves when it next fires. Undefined
 * when it has arrived, or when the kernel does not tell.
 */
export async function lagging(change: Change, host: HostView): Promise<string | undefined> {
  if (change.kind !== 'set' || change.effective === undefined) return undefined
  const text = (await host.read(change.effective).catch(() => undefined))?.trim()
  const [there, wanted] = [cpusOf('cpulist', text ?? ''), cpusOf('cpulist', change.to)]
  return there && wanted && !there.isSubsetOf(wanted) ? text : undefined
}
