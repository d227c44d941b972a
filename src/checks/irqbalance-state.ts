// SPDX-License-Identifier: MIT
import {irqbalance} from '../facts/irqbalance.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'irqbalance-state',
  title: 'irqbalance leaves isolated CPUs alone',
  why: 'irqbalance moves interrupts every ten seconds. By default it leaves the CPUs of isolcpus and nohz_full alone. A list of banned CPUs in its settings replaces that default, and it does not know cpuset partitions.',
  values:
    'The CPUs that irqbalance leaves alone: the banned CPUs, or without a list those that it found isolated. All isolated CPUs must be among them.',
  facts: {irqbalance, settings},
  judge({irqbalance, settings: {isolated}}) {
    if (!irqbalance?.running) return []
    const {banned, from, inForce, pid} = irqbalance
    if (from === undefined)
      return {unknown: 'irqbalance runs, and neither its environment nor its settings can be read'}
    const spared = inForce ?? banned
    const open = isolated.minus(spared)
    if (open.isEmpty && inForce === undefined)
      return {unknown: `irqbalance runs, and only ${from} can be read, not what it was started with`}
    if (open.isEmpty && irqbalance.surely && !isolated.isSubsetOf(irqbalance.surely))
      return {
        unknown: `the version of irqbalance is not known, and not all versions read ${from} so that they leave CPU ${isolated.minus(irqbalance.surely)} alone`,
      }
    if (open.isEmpty) return []
    return [
      {
        severity: 'fail',
        subject: `irqbalance [${pid}]`,
        message: isolated.isSubsetOf(banned)
          ? `uses CPU ${open} until it is restarted`
          : `uses CPU ${open}, according to ${from}`,
        cpus: open,
        expected: `${isolated}`,
        actual: `${spared}` || 'none',
      },
    ]
  },
  evidence: ({irqbalance}) =>
    irqbalance?.running ? `leaves ${irqbalance.inForce ?? irqbalance.banned} alone` : 'not running',
  remedy: ({irqbalance, settings: {isolated}}) =>
    irqbalance && isolated.isSubsetOf(irqbalance.banned)
      ? {
          text: 'restart it: its settings already name these CPUs',
          ...(irqbalance.unit ? {command: 'systemctl restart irqbalance.service'} : {}),
        }
      : {text: 'ban the isolated CPUs in its settings', step: 'irqbalance-ban'},
  reference: 'irqbalance(1)',
})
