// SPDX-License-Identifier: MIT
import {optional, seen} from '../facts/fact.ts'
import {managementNics} from '../facts/management.ts'
import {queueMasks} from '../facts/net-queues.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'rps-xps',
  title: 'network queues are not steered to isolated CPUs',
  why: 'Receive packet steering sends packets by interrupt to other CPUs of its mask. Transmit packet steering lets CPUs use a queue, whose completions come back to them.',
  values:
    'The CPUs to which the kernel passes packets (rps_cpus), or from which it takes them (xps_cpus), for each queue.',
  facts: {
    interfaces: seen('/sys/class/net'),
    managementNics: optional(managementNics),
    queueMasks,
    settings,
  },
  judge: ({managementNics = [], settings, queueMasks}) =>
    queueMasks.flatMap(({nic, mask: {path}, cpus}) =>
      reaching(cpus, settings, {
        severity: 'warn',
        subject: path,
        says: (open) => `includes CPU ${open}`,
        remedy: managementNics.some((each) => each.nic === nic)
          ? {text: 'take them out; you may be connected through this card', step: 'management-nic'}
          : {text: 'keep it to the housekeeping CPUs', step: 'rps-xps'},
      }),
    ),
  evidence: ({queueMasks}) => `${queueMasks.length} masks`,
  reference: 'Documentation/networking/scaling.rst',
})
