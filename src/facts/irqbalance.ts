// SPDX-License-Identifier: MIT
import type {HostView} from '../host/host.ts'
import {CpuSet} from '../model/cpuset.ts'
import {bootIsolated, nohzFull} from './cpus.ts'
import {defineFact, parsed} from './fact.ts'
import {assignments, serviceEnvironment, unitFiles} from './service-environment.ts'
import {everyTask} from './tasks.ts'

/** Where the unit names none: the files of the package, of Debian, and of Fedora and openSUSE. */
const ENVIRONMENTS = [
  '/usr/lib/irqbalance/defaults.env',
  '/etc/default/irqbalance',
  '/etc/sysconfig/irqbalance',
]
const SERVICE = 'irqbalance.service'

/**
 * isolctl's drop-in for irqbalance.service. Its environment file is read after the distribution's,
 * and the last assignment counts.
 */
export const IRQBALANCE_FOLDER = '/etc/systemd/system/irqbalance.service.d'
export const IRQBALANCE_DROP_IN = `${IRQBALANCE_FOLDER}/60-isolctl.conf`
export const IRQBALANCE_ENVIRONMENT = `${IRQBALANCE_FOLDER}/60-isolctl.env`

export interface Irqbalance {
  readonly running: boolean
  /**
   * The pid of the daemon, and the CPUs that it was started to avoid, from its environment
   * (readable by root).
   */
  readonly pid?: number
  readonly inForce?: CpuSet
  /**
   * The CPUs of `inForce` whichever version runs: fewer where the version is not known and the
   * versions read the variables differently.
   */
  readonly surely?: CpuSet
  /**
   * The file from which the ban was read: the daemon's environ or a configuration file. Absent when
   * none could be read.
   */
  readonly from?: string
  /** irqbalance has a systemd unit. */
  readonly unit: boolean
  /**
   * CPUs that irqbalance will not use after its next start: those that the administrator banned,
   * else those that irqbalance detects as isolated (irqbalance, cputree.c: setup_banned_cpus).
   */
  readonly banned: CpuSet
  /** A drop-in that is read after isolctl's, and sets environment files or takes variables back. */
  readonly later?: string
  /** A ban must be written as a mask as well: this version takes it before a list, or takes no list. */
  readonly masked: boolean
  readonly folder: boolean
  /** The contents of isolctl's files. */
  readonly dropIn?: string
  readonly environment?: string
}

/** Undefined when irqbalance is neither installed nor running. */
export const irqbalance = defineFact<Irqbalance | undefined>('irqbalance', async (host, get) => {
  const daemon = (await get(everyTask)).find(({pid, tid, comm}) => pid === tid && comm === 'irqbalance')
  const running = daemon !== undefined
  const units = await unitFiles(host, SERVICE)
  const unit = units.length > 0
  if (!running && !unit) return undefined
  const none = () => CpuSet.empty
  const found = (await get(bootIsolated).catch(none)).union(await get(nohzFull).catch(none))
  const dropIn = await host.read(IRQBALANCE_DROP_IN)
  const own = units.findIndex(({path}) => path === IRQBALANCE_DROP_IN)
  const environment = await host.read(IRQBALANCE_ENVIRONMENT)
  const installed = await installedVersion(host)
  const version = installed ?? LISTS
  const others = units.filter(({path}) => path !== IRQBALANCE_DROP_IN)
  const theirs = await serviceEnvironment(host, others, ENVIRONMENTS)
  const next = own === -1 ? theirs : await serviceEnvironment(host, units, ENVIRONMENTS)
  const environ = `/proc/${daemon?.pid}/environ`
  const started = running ? await host.read(environ).catch(() => undefined) : undefined
  if (started === '' && !host.live) throw new Error(`${environ} is empty`)
  const variables =
    started === undefined ? undefined : parsed(environ, started, (text) => assignments(text, '\0'))
  const under = (each: number) => variables && (bannedBy(variables, each) ?? found)
  const inForce = under(version)
  const surely = (installed === undefined ? EACH_KIND : [installed])
    .map(under)
    .reduce((all, cpus) => all && cpus?.intersect(all))
  const later = others.find(
    ({path, text}) => isLater(path) && /^\s*(?:EnvironmentFile|UnsetEnvironment)\s*=/m.test(text),
  )
  const from = started === undefined ? theirs.from[0] : environ
  return {
    running,
    unit,
    ...(daemon ? {pid: daemon.pid} : {}),
    ...(inForce && surely ? {inForce, surely} : {}),
    ...(from === undefined ? {} : {from}),
    banned: bannedBy(next.variables, version) ?? found,
    masked: version < LISTS || (version < LISTS_ONLY && theirs.variables.has(MASK)),
    ...(later === undefined ? {} : {later: later.path}),
    folder: await host.isFolder(IRQBALANCE_FOLDER),
    ...(dropIn === undefined ? {} : {dropIn}),
    ...(environment === undefined ? {} : {environment}),
  }
})

/** Drop-ins are read in the order of their names. */
const isLater = (path: string) => path.endsWith('.conf') && nameOf(path) > nameOf(IRQBALANCE_DROP_IN)
const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)

const MASK = 'IRQBALANCE_BANNED_CPUS'
const LIST = 'IRQBALANCE_BANNED_CPULIST'

/** The first versions that know the list, and that no longer know the mask; as major * 1000 + minor. */
const LISTS = 1008
const LISTS_ONLY = 1010
/** One version of each way to read the variables. */
const EACH_KIND = [LISTS - 1, LISTS, LISTS_ONLY] as const

/**
 * The CPUs that these variables ban; undefined where irqbalance looks for isolated CPUs itself. The
 * name of the variable decides, not the order of the lines (irqbalance, cputree.c:
 * setup_banned_cpus): up to 1.7 there is only the mask, and an empty mask bans nothing; in 1.8 and
 * 1.9 a mask that is not empty comes first, then a list that is not empty; from 1.10 there is only
 * the list. A value that irqbalance cannot parse bans
 * nothing: "-" is used for that. Pure.
 */
export function bannedBy(variables: ReadonlyMap<string, string>, version: number): CpuSet | undefined {
  const [mask, list] = [variables.get(MASK), variables.get(LIST)]
  const parse = (text: string, how: (text: string) => CpuSet) => {
    try {
      return how(text)
    } catch {
      return CpuSet.empty
    }
  }
  if (version < LISTS) return mask === undefined ? undefined : parse(mask, CpuSet.fromWrittenMask)
  if (version >= LISTS_ONLY) return list === undefined ? undefined : parse(list, CpuSet.parse)
  if (mask) return parse(mask, CpuSet.fromWrittenMask)
  return list ? parse(list, CpuSet.parse) : undefined
}

/** The version of the installed package, as major * 1000 + minor; undefined where no file says it. */
async function installedVersion(host: HostView): Promise<number | undefined> {
  const debian = await host.read('/usr/share/doc/irqbalance/changelog.Debian.gz').catch(() => undefined)
  const arch = (await host.list('/var/lib/pacman/local')).find((name) => /^irqbalance-\d/.test(name))
  const [, major, minor] = /^irqbalance[ -]\(?(?:\d+:)?(\d+)\.(\d+)/.exec(debian ?? arch ?? '') ?? []
  return major === undefined ? undefined : Number(major) * 1000 + Number(minor)
}
