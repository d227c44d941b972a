// SPDX-License-Identifier: MIT
import {describe, expect, it} from 'vitest'
import {gatherer, given} from '../../src/facts/fact.ts'
import {sparedNics} from '../../src/facts/invocation.ts'
import {managed, managementNics, parsePeers, parseRoutes, routeTo} from '../../src/facts/management.ts'
import {memoryHost} from '../../src/host/memory.ts'

const HEADER = 'Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT\n'
/** The default route is through eth0, 192.168.1.0/24 through eth1. */
const ROUTES = `${HEADER}eth0	00000000	0102000A	0003	0	0	0	00000000	0	0	0
eth1	0001A8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`
/** Established: 10.0.2.15:22 to 192.168.1.7:50000. Listening: port 22. */
const TCP = `  sl  local_address rem_address   st
   0: 00000000:0016 00000000:0000 0A 00000000:00000000
   1: 0F02000A:0016 0701A8C0:C350 01 00000000:00000000
`
const found = async (files: Record<string, string>, spared: readonly string[] = []) =>
  gatherer(memoryHost(files), [given(sparedNics, spared)])(managementNics)

describe('the card an operator may be connected through', () => {
  it('is that of the default route and that of every SSH connection', async () => {
    const nics = await found({'/proc/net/route': ROUTES, '/proc/net/tcp': TCP})
    expect(nics?.map(({nic, why}) => [nic, why])).toEqual([
      ['eth0', 'the default route'],
      ['eth1', 'the SSH connection from 192.168.1.7'],
    ])
  })

  it('is found below bonds and bridges, and by the number or the name of its interrupts', async () => {
    const nics = await found({
      '/proc/net/route': `${HEADER}br0	00000000	0102000A	0003	0	0	0	00000000	0	0	0\n`,
      '/sys/class/net/br0/lower_bond0/ifindex': '3',
      '/sys/class/net/bond0/lower_eth5/ifindex': '4',
      '/sys/class/net/bond0/lower_eth6/ifindex': '5',
      '/sys/class/net/eth5/device/msi_irqs/77': 'msix',
      '/sys/bus/virtio/devices/virtio3/net/eth6/mtu': '1500',
    })
    expect(nics?.map(({nic}) => nic)).toEqual(['br0', 'bond0', 'eth5', 'eth6'])
    const own = (irq: number, ...actions: string[]) => managed(nics ?? [], {irq, actions})?.nic
    expect(own(77, 'mlx5_comp0@pci:0000:01:00.0')).toBe('eth5')
    expect(own(80, 'virtio3-input.0')).toBe('eth6')
    expect(own(81, 'virtio30-input.0')).toBeUndefined()
    expect(own(82, 'eth5-TxRx-1')).toBe('eth5')
    expect(own(83, 'eth50-TxRx-1')).toBeUndefined()
    expect(own(84, 'nvme0q1')).toBeUndefined()
  })

  it('is also one that the operator excludes, and unknown without a routing table', async () => {
    expect((await found({'/proc/net/route': HEADER}, ['eth9']))?.map(({nic}) => nic)).toEqual(['eth9'])
    expect(await found({})).toBeUndefined()
  })

  it('is found for IPv6 as well', async () => {
    const zero = '0'.repeat(32)
    const nics = await found({
      '/proc/net/ipv6_route': `${zero} 00 ${zero} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth2
${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo
`,
    })
    expect(nics?.map(({nic}) => nic)).toEqual(['eth2'])
  })
})

it('routes by the longest prefix, and parses addresses as the kernel prints them', () => {
  const routes = parseRoutes(ROUTES)
  expect(routeTo(routes, 'c0a80107')).toBe('eth1')
  expect(routeTo(routes, '08080808')).toBe('eth0')
  // ::ffff:10.0.2.2 on an IPv6 socket, as a dual-stack sshd has it.
  const text =
    'header\n 0: 0000000000000000FFFF00000F02000A:0016 0000000000000000FFFF00000202000A:C350 01 x\n'
  expect(parsePeers(text, new Set([22]))).toEqual(['0a000202'])
})
