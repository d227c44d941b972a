// SPDX-License-Identifier: MIT

import {bansOf} from './kept.ts'
import {type Count, withoutPeople, withoutSecrets} from './secrets.ts'

/** The number of redactions of each kind. */
export type Redactions = Readonly<
  Record<'host names' | 'MAC addresses' | 'serial numbers' | 'UUIDs' | Parameters<Count>[0], number>
>

export interface Redactor {
  /** Redact the contents of any file: what identifies the machine. */
  text(text: string): string
  /** Redact the secrets of this file, by its path. */
  secrets(path: string, text: string): string
  /**
   * Keep only the variables that facts read, from the text of /proc/PID/environ: the others may
   * hold passwords.
   */
  environment(text: string): string
  /** Redact a path or a name: network interfaces can be named after their address. */
  path(path: string): string
  counts(): Redactions
}

export const REDACTED_HOST = 'redacted-host'
const REDACTED = 'REDACTED'

/** Six pairs of hex digits. More pairs are a GUID, or BOOTIF with the hardware type first. */
const MAC = /\b(?:[0-9a-f]{2}[:-]){5,7}[0-9a-f]{2}\b/gi
/**
 * systemd's name for an interface without a better one: enx and the address
 * (systemd.net-naming-scheme(7)).
 */
const MAC_IN_NAME = /\b(enx|wlx|wwx)([0-9a-f]{12})\b/gi
const UUID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi
/**
 * "SerialNumber: 0123" of USB, "serial: 0123", "ID_SERIAL=..."; but not "serial8250: ...", which is
 * a driver.
 */
const SERIAL = /\b((?:id_)?serial(?:[ _-]?(?:number|no|short))?\s*[:=]\s*"?)([^\s",;]{3,})/gi
const WWN = /\b((?:wwn|wwid|nguid|eui64)[-.:= ]\s*(?:0x|t10\.|naa\.|eui\.)?)([0-9a-z._-]{8,})/gi

/**
 * Returns functions that redact what identifies one machine. The same value always gets the same
 * replacement, so that relations stay visible. Names of programs and threads are not redacted.
 * `counts` grows with use; there is no module state.
 */
export function redactor(hostName: string): Redactor {
  const counts = {
    'host names': 0,
    'MAC addresses': 0,
    'serial numbers': 0,
    UUIDs: 0,
    'user names': 0,
    'boot arguments': 0,
    passwords: 0,
    comments: 0,
    'kernel log lines': 0,
    'files of other programs': 0,
  }
  const known = new Map<string, string>()
  const standIn = (kind: keyof Redactions, value: string, write: (index: number) => string) => {
    counts[kind]++
    const key = `${kind} ${value.toLowerCase().replaceAll('-', ':')}`
    const old = known.get(key)
    if (old !== undefined) return old
    const fresh = write(known.size + 1)
    known.set(key, fresh)
    return fresh
  }
  const mac = (address: string) =>
    standIn('MAC addresses', address, (index) => `02:00:00:00:${hex(index, 4).replace(/(..)/, '$1:')}`)
  const inName = (_: string, prefix: string, address: string) =>
    prefix + mac((address.match(/../g) ?? []).join(':')).replaceAll(':', '')
  const people = (path: string) =>
    withoutPeople(path, (name) => standIn('user names', name, (index) => `name-${index}`))
  const host = hostPattern(hostName)
  return {
    text(text) {
      let clean = text
        .replaceAll(UUID, (uuid) =>
          standIn('UUIDs', uuid, (index) => `00000000-0000-4000-8000-${hex(index, 12)}`),
        )
        .replaceAll(MAC, mac)
        .replaceAll(MAC_IN_NAME, inName)
      for (const pattern of [SERIAL, WWN])
        clean = clean.replaceAll(pattern, (_, head: string) => {
          counts['serial numbers']++
          return head + REDACTED
        })
      return host === undefined
        ? clean
        : clean.replaceAll(host, () => {
            counts['host names']++
            return REDACTED_HOST
          })
    },
    environment: (text) => {
      const container = text.split('\0').find((variable) => /^container=/.test(variable))
      const bans = bansOf(text, '\0')
      return container === undefined ? bans : `${container}\0${bans}`
    },
    secrets: (path, text) => {
      const clean = withoutSecrets(path, text, (kind) => {
        counts[kind]++
      })
      return path.endsWith('/cgroup') ? clean.split('\n').map(people).join('\n') : clean
    },
    path: (path) => people(path.replaceAll(MAC_IN_NAME, inName)),
    counts: () => ({...counts}),
  }
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')

/**
 * Matches the host name as a whole word, with and without its domain. "localhost" identifies no
 * machine.
 */
function hostPattern(name: string): RegExp | undefined {
  const [short = ''] = name.split('.')
  if (short === '' || /^localhost$/i.test(short)) return undefined
  const words = [name, short].map((word) => word.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`(?<![\\w.-])(?:${words.join('|')})(?![\\w-])`, 'gi')
}
