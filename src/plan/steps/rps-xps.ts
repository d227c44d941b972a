// SPDX-License-Identifier: MIT
import {managementNics} from '../../facts/management.ts'
import {queueMasks} from '../../facts/net-queues.ts'
import {settings} from '../../facts/settings.ts'
import {moveQueues} from '../net.ts'
import {defineStep} from '../step.ts'

export const rpsXps = defineStep({
  id: 'rps-xps',
  check: 'rps-xps',
  title: ({housekeeping}) => `Handle network packets on housekeeping CPUs ${housekeeping}`,
  blast: 'packets of one connection may be reordered once',
  facts: {settings, queueMasks, managementNics},
  plan({settings, queueMasks, managementNics = []}) {
    const kept = queueMasks.filter(({nic}) => managementNics.some((each) => each.nic === nic))
    const changes = moveQueues(
      queueMasks.filter((each) => !kept.includes(each)),
      settings,
    )
    return {
      changes,
      notes: moveQueues(kept, settings).map(({about = ''}) => ({
        subject: about,
        reason: 'you may be connected through it: not changed without --also management-nic',
      })),
    }
  },
})
