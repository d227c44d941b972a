// SPDX-License-Identifier: MIT
import {optional} from '../facts/fact.ts'
import {managementNics} from '../facts/management.ts'
import {devices} from '../facts/pci.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'dpdk-binding',
  title: 'the devices of the program are bound to vfio-pci',
  why: 'A device with a kernel driver delivers its packets to the kernel. A device that carries the default route must keep its kernel driver: without it the connection of the operator is lost.',
  values: 'The driver of each device in the config. vfio-pci passes; a network driver of the kernel fails.',
  facts: {devices, managementNics: optional(managementNics), settings},
  skip: ({settings}) => ((settings.devices ?? []).length === 0 ? 'the config names no devices' : undefined),
  judge({devices, managementNics}) {
    const findings = devices.flatMap(({address, present, driver, interfaces}) => {
      if (!present)
        return [
          {severity: 'fail' as const, subject: address, message: 'there is no device with this address'},
        ]
      const operator = managementNics?.find(({nic}) => interfaces.includes(nic))
      if (operator !== undefined)
        return [
          {
            severity: 'fail' as const,
            subject: address,
            message: `${operator.nic} carries ${operator.why}: name another device`,
          },
        ]
      if (driver !== undefined) return []
      return [
        {
          severity: 'fail' as const,
          subject: address,
          message: `the kernel drives it${interfaces.length > 0 ? ` as ${interfaces.join(', ')}` : ''}`,
          expected: 'vfio-pci',
          remedy: {text: 'bind it to vfio-pci', command: `driverctl set-override ${address} vfio-pci`},
        },
      ]
    })
    if (
      findings.length === 0 &&
      managementNics === undefined &&
      devices.some(({interfaces}) => interfaces.length > 0)
    )
      return {unknown: 'the routes cannot be read: a device may carry the default route'}
    return findings
  },
  evidence: ({devices}) => devices.map(({address, driver}) => `${address} ${driver}`).join(', '),
  reference: 'Documentation/driver-api/vfio.rst',
})
