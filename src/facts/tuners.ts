// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'
import {irqbalance} from './irqbalance.ts'
import {settings} from './settings.ts'
import {everyTask} from './tasks.ts'

/** Somebody else who sets what we set. */
export interface Tuner {
  readonly name: 'tuned' | 'irqbalance' | 'rt-conf'
  /** What shows it: "tuned runs, with the profile cpu-partitioning". */
  readonly evidence: string
  /** What to do about it. */
  readonly help: string
  /** Whether a place, by its path or name, is one it writes. */
  readonly writes: (place: string) => boolean
}

const RT_CONF = '/var/snap/rt-conf/common/config.yaml'

/** Those that are at work on this machine. irqbalance is not among them where the isolated CPUs are banned for it. */
export const tuners = defineFact<readonly Tuner[]>('tuners', async (host, get) => {
  const names = new Set((await get(everyTask)).map(({comm}) => comm))
  const found: Tuner[] = []
  const profile = (await host.read('/etc/tuned/active_profile'))?.trim()
  if (names.has('tuned') && profile)
    found.push({
      name: 'tuned',
      evidence: `tuned runs, with the profile ${profile}`,
      help: 'switch it off before apply: it puts back what it found when it is stopped: tuned-adm off',
      writes: () => true,
    })
  const balance = await get(irqbalance)
  if (balance?.running && !(await get(settings)).isolated.isSubsetOf(balance.banned))
    found.push({
      name: 'irqbalance',
      evidence: 'irqbalance runs, and may move interrupts to isolated CPUs',
      help: 'ban them: isolctl apply --only irqbalance-ban',
      writes: (place) => place.startsWith('/proc/irq/'),
    })
  if ((await host.read(RT_CONF)) !== undefined)
    found.push({
      name: 'rt-conf',
      evidence: `rt-conf is configured, in ${RT_CONF}`,
      help: 'take out of its configuration what isolctl does, or remove it: snap remove rt-conf',
      writes: (place) => place.startsWith('/proc/irq/') || place.includes('/cpufreq/'),
    })
  return found
})

/**
 * Who may have written a place, in words; undefined when nobody is known that does. Of a running irqbalance, whatever is
 * banned for it: it may have moved an interrupt from one CPU to the next.
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
