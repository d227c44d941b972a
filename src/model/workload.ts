// SPDX-License-Identifier: MIT
import {ownerOf, unescaped} from './owner.ts'

/** How the config names a program that is meant to run on isolated CPUs. */
export const WORKLOAD_KEYS = ['cgroup', 'unit', 'domain', 'pod', 'pidFile', 'command'] as const
export type WorkloadKey = (typeof WORKLOAD_KEYS)[number]

/** One program, or one group of programs, that is meant to run on isolated CPUs. */
export interface Meant {
  readonly by: WorkloadKey
  readonly name: string
}

/**
 * Whether a cgroup is, or is below, the one that is meant. `pods` maps "namespace/name" to the uid
 * of the pod. A pid file and a command name no cgroup. Pure.
 */
export function isMeantGroup(
  path: string,
  {by, name}: Meant,
  pods: ReadonlyMap<string, string> = new Map(),
): boolean {
  const owner = ownerOf(path)
  switch (by) {
    case 'cgroup': {
      const group = trimmed(name.replace(/^\/sys\/fs\/cgroup(?=\/)/, ''))
      return matches(group, path) || matches(`${group}/*`, path)
    }
    case 'unit':
      return unescaped(path).split('/').includes(unescaped(name))
    case 'domain':
      return (owner?.kind === 'libvirt' || owner?.kind === 'proxmox-vm') && owner.name === name
    case 'pod':
      return owner?.kind === 'kubernetes' && owner.name !== '' && owner.name === (pods.get(name) ?? name)
    default:
      return false
  }
}

/** With a leading slash and without a trailing one. */
const trimmed = (name: string) => `/${name.replaceAll(/^\/+|\/+$/g, '')}`

/** "*" matches any text, "?" one character. */
function matches(pattern: string, text: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.')
  return new RegExp(`^${source}$`, 's').test(text)
}
