// SPDX-License-Identifier: MIT
import {irqbalance} from '../facts/irqbalance.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'irqbalance-state',
  title: 'irqbalance leaves isolated CPUs alone',
  why: 'irqbalance moves interrupts back every ten seconds. By itself it keeps off the CPUs of isolcpus= and nohz_full=; a list of banned CPUs in its settings replaces that, and it does not see cpuset partitions.',
  values:
    'CPUs that it leaves alone: banned ones, or those that it found isolated when nobody banned any. All isolated ones must be among them.',
  facts: {irqbalance, settings},
  judge({irqbalance, settings: {isolated}}) {
    if (!irqbalance?.running) return []
    const {banned, from, inForce, pid} = irqbalance
    if (from === undefined)
      return {unknown: 'irqbalance runs, and neither its environment nor its settings can be read'}
    const spared = inForce ?? banned
    const open = isolated.minus(spared)
    if (open.isEmpty) return []
    return [
      {
        severity: 'fail',
        subject: `irqbalance [${pid}]`,
        message: isolated.isSubsetOf(banned)
          ? `uses CPU ${open} until it is restarted`
          : `uses CPU ${open}, says ${from}`,
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
          text: 'restart it: as it is told now, it leaves them alone',
          ...(irqbalance.unit ? {command: 'systemctl restart irqbalance.service'} : {}),
        }
      : {text: 'tell it which CPUs to leave alone', step: 'irqbalance-ban'},
  reference: 'irqbalance(1)',
})
