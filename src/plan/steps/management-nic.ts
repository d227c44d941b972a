// SPDX-License-Identifier: MIT
import {irqs} from '../../facts/irqs.ts'
import {refused} from '../../facts/journal.ts'
import {managed, managementNics} from '../../facts/management.ts'
import {queueMasks} from '../../facts/net-queues.ts'
import {settings} from '../../facts/settings.ts'
import {moveIrqs} from '../irqs.ts'
import {moveQueues} from '../net.ts'
import {defineStep} from '../step.ts'

export const managementNic = defineStep({
  id: 'management-nic',
  check: 'irq-affinity-requested',
  title: ({housekeeping}) => `Move the network card you may be connected through to CPUs ${housekeeping}`,
  blast: 'the connection to this machine may be lost: use --confirm-within',
  onRequest: 'could disconnect you',
  facts: {settings, irqs, refused, queueMasks, managementNics},
  plan({settings, irqs, refused, queueMasks, managementNics}) {
    if (managementNics === undefined) throw new Error('/proc/net/route does not exist')
    const own = irqs.filter((irq) => managed(managementNics, irq))
    const queues = queueMasks.filter(({nic}) => managementNics.some((each) => each.nic === nic))
    const {changes, notes} = moveIrqs(own, {settings, refused})
    return {changes: [...changes, ...moveQueues(queues, settings)], notes}
  },
})
