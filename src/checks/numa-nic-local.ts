// SPDX-License-Identifier: MIT
import {nodes} from '../facts/nodes.ts'
import {devices} from '../facts/pci.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'numa-nic-local',
  title: 'devices and isolated CPUs share a node',
  why: 'A device writes into the memory of its own NUMA node. A CPU of another node fetches every packet over the link between the nodes.',
  values: 'The NUMA node of each device in the config, and the nodes of the isolated CPUs.',
  extended: true,
  facts: {devices, nodes, settings},
  skip: ({settings}) => ((settings.devices ?? []).length === 0 ? 'the config names no devices' : undefined),
  judge({devices, nodes, settings: {isolated}}) {
    const near = [...nodes].filter(([, cpus]) => !cpus.isDisjointFrom(isolated)).map(([node]) => node)
    const unreported = devices.find(({node}) => node === undefined)
    const findings = devices
      .filter(({node}) => node !== undefined && !near.includes(node))
      .map(({address, node}) => ({
        severity: 'warn' as const,
        subject: address,
        message: `is on node ${node}`,
        expected: `node ${near.join(', ')}`,
        actual: `node ${node}`,
      }))
    if (findings.length === 0 && unreported && nodes.size > 1)
      return {unknown: `the firmware does not report the node of ${unreported.address}`}
    return findings
  },
  evidence: ({devices}) => devices.map(({address, node = 0}) => `${address} on node ${node}`).join(', '),
  remedy: {text: 'isolate CPUs of the same node, or move the card to a slot of their node'},
  reference: 'Documentation/ABI/testing/sysfs-bus-pci: numa_node',
})
