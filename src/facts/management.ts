// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {defineFact} from './fact.ts'
import {sparedNics} from './invocation.ts'
import type {Irq} from './irqs.ts'

const NET = '/sys/class/net'

/** A network card through which an operator may be connected. */
export interface ManagementNic {
  /** "eth0". */
  readonly nic: string
  /** "the default route", "the SSH connection from 192.0.2.7". */
  readonly why: string
  /** Interrupts that the device lists in sysfs; others are recognized by their names. */
  readonly irqs: ReadonlySet<number>
  /** "virtio3": the name of its interrupts, when it differs from the interface's. */
  readonly device?: string
}

/**
 * The cards below the default route and below every SSH connection; bonds, bridges and VLANs are
 * followed to their members. No step changes them unless the operator requests it. Undefined when
 * the routing table cannot be read, as in most captured machines.
 */
export const managementNics = defineFact<readonly ManagementNic[] | undefined>(
  'management-nics',
  async (host, get) => {
    const [v4, v6] = [await host.read('/proc/net/route'), await host.read('/proc/net/ipv6_route')]
    if (v4 === undefined && v6 === undefined) return undefined
    if (v4 !== undefined && !v4.startsWith('Iface')) throw new Error('/proc/net/route: not a routing table')
    const routes = [...parseRoutes(v4 ?? ''), ...parseRoutes6(v6 ?? '')]
    const found = new Map<string, string>()
    for (const {nic, bits} of routes) if (bits === 0 && nic !== 'lo') found.set(nic, 'the default route')
    for (const peer of await sshPeers(host)) {
      const nic = routeTo(routes, peer)
      if (nic !== undefined && nic !== 'lo' && !found.has(nic))
        found.set(nic, `the SSH connection from ${readable(peer)}`)
    }
    for (const nic of await get(sparedNics)) found.set(nic, 'you')
    const nics: ManagementNic[] = []
    for (const [name, why] of found)
      for (const nic of await membersOf(host, name))
        if (!nics.some((other) => other.nic === nic)) nics.push(await describe(host, nic, why))
    return nics
  },
)

/** The card that an interrupt belongs to, undefined when it belongs to none of these. Pure. */
export function managed(
  nics: readonly ManagementNic[],
  {irq, actions}: Pick<Irq, 'irq' | 'actions'>,
): ManagementNic | undefined {
  const named = (action: string, name: string) =>
    action === name || (action.startsWith(name) && /\W|_/.test(action.charAt(name.length)))
  return nics.find(
    ({nic, irqs, device}) =>
      irqs.has(irq) ||
      actions.some((action) => named(action, nic) || (device !== undefined && named(action, device))),
  )
}

/**
 * One entry of a routing table. Addresses are hex digits, most significant first: 8 for IPv4, 32
 * for IPv6.
 */
interface Route {
  readonly nic: string
  readonly address: string
  readonly bits: number
}

/**
 * Parse /proc/net/route. Addresses are 32-bit words in the byte order of the machine,
 * little-endian, so their bytes are swapped (net/ipv4/fib_trie.c). Pure.
 */
export function parseRoutes(text: string): readonly Route[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [nic, destination, , flags, , , , mask] = line.split(/\s+/)
      // RTF_UP, and not RTF_REJECT (include/uapi/linux/route.h).
      if (!nic || !destination || !mask || (Number.parseInt(flags ?? '0', 16) & 0x201) !== 0x1) return []
      const bits = Number.parseInt(swap(mask), 16).toString(2).replaceAll('0', '').length
      return [{nic, address: swap(destination), bits}]
    })
}

/**
 * Parse /proc/net/ipv6_route: destination, its prefix length in hex, ..., flags, interface
 * (net/ipv6/route.c). Pure.
 */
export function parseRoutes6(text: string): readonly Route[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.trim().split(/\s+/)
    const [address, bits, , , , , , , flags, nic] = fields
    if (!address || !bits || !nic || (Number.parseInt(flags ?? '0', 16) & 0x201) !== 0x1) return []
    return [{nic, address: address.toLowerCase(), bits: Number.parseInt(bits, 16)}]
  })
}

/** The interface of the longest prefix that contains an address. Pure. */
export function routeTo(routes: readonly Route[], address: string): string | undefined {
  const binary = (hex: string) =>
    [...hex].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('')
  const wanted = binary(address)
  const fitting = routes.filter(
    (route) =>
      route.address.length === address.length &&
      binary(route.address).slice(0, route.bits) === wanted.slice(0, route.bits),
  )
  return fitting.toSorted((a, b) => b.bits - a.bits)[0]?.nic
}

/**
 * The peers of established connections to the SSH ports of this machine: port 22, and the port of
 * the connection that this shell came from, which the environment of an ancestor holds also below
 * sudo (SSH_CONNECTION).
 */
async function sshPeers(host: HostView): Promise<readonly string[]> {
  const ports = new Set([22])
  const own = host.live ? await ownSshPort(host) : undefined
  if (own !== undefined) ports.add(own)
  const tables = [await host.read('/proc/net/tcp'), await host.read('/proc/net/tcp6')]
  return [...new Set(tables.flatMap((text) => parsePeers(text ?? '', ports)))]
}

/**
 * Peers of established (state 01) connections to these local ports. An IPv4 peer of an IPv6 socket
 * is returned as IPv4. Pure.
 */
export function parsePeers(text: string, ports: ReadonlySet<number>): readonly string[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', remote = '', state] = line.trim().split(/\s+/)
      if (state !== '01' || !ports.has(Number.parseInt(local.split(':')[1] ?? '', 16))) return []
      const words = remote.split(':')[0]?.match(/.{8}/g) ?? []
      const address = words.map(swap).join('')
      return [address.startsWith('00000000000000000000ffff') ? address.slice(24) : address]
    })
}

async function ownSshPort(host: HostView): Promise<number | undefined> {
  let pid = 'self'
  for (let generation = 0; generation < 32; generation++) {
    const environment = await host.read(`/proc/${pid}/environ`).catch(() => undefined) // another user's process
    const port = /(?:^|\0)SSH_CONNECTION=\S+ \d+ \S+ (\d+)/.exec(environment ?? '')?.[1]
    if (port !== undefined) return Number(port)
    const status = await host.read(`/proc/${pid}/status`)
    const parent = /^PPid:\s*(\d+)/m.exec(status ?? '')?.[1]
    if (parent === undefined || parent === '0') return undefined
    pid = parent
  }
  return undefined
}

/**
 * The members of a bond, bridge or VLAN: "lower_eth0" (net/core/dev.c: netdev_adjacent_sysfs_add).
 */
async function membersOf(host: HostView, nic: string, depth = 8): Promise<readonly string[]> {
  const lower = (await host.list(`${NET}/${nic}`)).flatMap((name) => /^lower_(.+)$/.exec(name)?.[1] ?? [])
  if (lower.length === 0 || depth === 0) return [nic]
  const members = await Promise.all(lower.map((name) => membersOf(host, name, depth - 1)))
  return [nic, ...members.flat()]
}

async function describe(host: HostView, nic: string, why: string): Promise<ManagementNic> {
  const own = (await host.list(`${NET}/${nic}/device/msi_irqs`)).map(Number)
  const pin = Number((await host.read(`${NET}/${nic}/device/irq`)) ?? 0)
  let device: string | undefined
  for (const name of await host.list('/sys/bus/virtio/devices'))
    if ((await host.list(`/sys/bus/virtio/devices/${name}/net`)).includes(nic)) device = name
  return {
    nic,
    why,
    irqs: new Set([...own, ...(pin > 0 ? [pin] : [])].filter(Number.isInteger)),
    ...(device === undefined ? {} : {device}),
  }
}

const swap = (word: string): string => (word.match(/../g) ?? []).reverse().join('').toLowerCase()

/** "192.0.2.7", or the eight groups of IPv6. */
const readable = (address: string): string =>
  address.length === 8
    ? (address.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).join('.')
    : (address.match(/.{4}/g) ?? []).join(':')
