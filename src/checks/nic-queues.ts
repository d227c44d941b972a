// SPDX-License-Identifier: MIT
import {seen} from '../facts/fact.ts'
import {queueMasks} from '../facts/net-queues.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'nic-queues',
  title: 'cards have no more queues than CPUs',
  why: 'A driver makes a queue with an interrupt for every CPU, isolated or not. More queues than housekeeping CPUs are of no use there, and their interrupts reach isolated CPUs.',
  values: 'The receive queues of a card. More queues than housekeeping CPUs warn: each has an interrupt.',
  extended: true,
  facts: {interfaces: seen('/sys/class/net'), queueMasks, settings},
  judge({queueMasks, settings: {housekeeping}}) {
    const counts = new Map<string, number>()
    for (const {nic, queue} of queueMasks)
      if (nic !== undefined && queue.startsWith('rx-')) counts.set(nic, (counts.get(nic) ?? 0) + 1)
    return [...counts]
      .filter(([, count]) => count > housekeeping.size)
      .map(([nic, count]) => ({
        severity: 'warn',
        subject: nic,
        message: 'has more receive queues than there are housekeeping CPUs',
        expected: `at most ${housekeeping.size}`,
        actual: `${count}`,
        remedy: {
          text: 'use fewer queues; the link goes down for a moment, so spare the card of your own connection',
          command: `ethtool -L ${nic} combined ${housekeeping.size}`,
        },
      }))
  },
  evidence: ({queueMasks}) => `${queueMasks.length} queues`,
  reference: 'Documentation/networking/scaling.rst',
})
