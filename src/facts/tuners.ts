// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'
import {irqbalance} from './irqbalance.ts'
import {settings} from './settings.ts'
import {everyTask} from './tasks.ts'

/** Another program that sets what isolctl sets. */
export interface Tuner {
  readonly name: 'tuned' | 'irqbalance' | 'rt-conf'
  /** The sign of it: "tuned runs, with the profile cpu-partitioning". */
  readonly evidence: string
  /** What the operator can do. */
  readonly help: string
  /** Whether it writes to a place, given by path or name. */
  readonly writes: (place: string) => boolean
}

const RT_CONF = '/var/snap/rt-conf/common/config.yaml'

/**
 * The tuners that are active on this machine; irqbalance only when it is not banned from all
 * isolated CPUs.
 */
export const tuners = defineFact<readonly Tuner[]>('tuners', async (host, get) => {
  const names = new Set((await get(everyTask)).map(({comm}) => comm))
  const found: Tuner[] = []
  const profile = (await host.read('/etc/tuned/active_profile'))?.trim()
  if (names.has('tuned') && profile)
    found.push({
      name: 'tuned',
      evidence: `tuned runs, with the profile ${profile}`,
      help: 'switch it off before apply, because it restores the old values when it stops: tuned-adm off',
      writes: () => true,
    })
  const balance = await get(irqbalance)
  if (balance?.running && !(await get(settings)).isolated.isSubsetOf(balance.banned))
    found.push({
      name: 'irqbalance',
      evidence: 'irqbalance runs and may move interrupts to isolated CPUs',
      help: 'ban it from them: isolctl apply --only irqbalance-ban',
      writes: (place) => place.startsWith('/proc/irq/'),
    })
  if ((await host.read(RT_CONF)) !== undefined)
    found.push({
      name: 'rt-conf',
      evidence: `rt-conf is configured, in ${RT_CONF}`,
      help: 'remove from its configuration what isolctl sets, or remove it: snap remove rt-conf',
      writes: (place) => place.startsWith('/proc/irq/') || place.includes('/cpufreq/'),
    })
  return found
})

/**
 * Returns the programs that may have written to a place, in words; undefined when none is known. A
 * running irqbalance counts even when it is banned from the isolated CPUs, because it may have
 * moved an interrupt between other CPUs.
 */
export const writers = defineFact<(place: string) => string | undefined>('writers', async (host, get) => {
  const names = new Set((await get(everyTask)).map(({comm}) => comm))
  const rtConf = (await host.read(RT_CONF)) !== undefined
  return (place) => {
    const who = [
      ...(names.has('irqbalance') && place.startsWith('/proc/irq/') ? ['irqbalance'] : []),
      ...(names.has('tuned') ? ['tuned'] : []),
      ...(rtConf && (place.startsWith('/proc/irq/') || place.includes('/cpufreq/')) ? ['rt-conf'] : []),
    ]
    return who.length === 0 ? undefined : who.join(' or ')
  }
})
