// SPDX-License-Identifier: MIT
import {afterAll, describe, expect, it} from 'vitest'
import {parseCmdline} from '../../src/boot/cmdline.ts'
import {isolationOf} from '../../src/boot/isolation.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {compileOracle, kernelArchives, type Oracle} from './oracle/kernel-oracle.ts'

/** The versions whose rules differ, or that many machines run. 4.18 stands for 4.19 too. */
const VERSIONS = ['4.18', '5.4', '5.10', '5.15', '6.1', '6.12', '7.3']
/** Fifteen seconds for each version. */
const LINES = Number(process.env['ISOLCTL_ORACLE_LINES'] ?? 100_000)
const SEED = Number(process.env['ISOLCTL_ORACLE_SEED'] ?? 14)
/** The kernel of bootstrap.sh: without its source, this test proves nothing. */
const REQUIRED = '6.12'

/** Fewer versions do not show that the table of rules is right. */
const ENOUGH = 3

const archives = await kernelArchives()
const here = VERSIONS.filter((version) => archives.has(version))
const oracles: Oracle[] = []
afterAll(async () => {
  for (const oracle of oracles) await oracle.close()
})

const enough = `at least ${ENOUGH} versions are compared`
if (here.length >= ENOUGH) it(enough, () => expect(here).toContain(REQUIRED))
else
  it.skip(
    `${enough}: only ${here.join(', ') || 'none'} is here, and scripts/bootstrap.sh could fetch no other`,
  )

describe.each(VERSIONS)('isolation arguments in isolctl and in the C of Linux %s', (version) => {
  const archive = archives.get(version)
  const name = `agree on ${LINES} random command lines (seed ${SEED})`
  if (archive === undefined && version !== REQUIRED) {
    it.skip(`${name}: no linux-source-${version} in /usr/src, the cache or ISOLCTL_KERNEL_SOURCES`)
    return
  }
  it(name, {timeout: 1_800_000}, async () => {
    if (archive === undefined)
      throw new Error(`/usr/src has no linux-source-${version}: sh scripts/bootstrap.sh lab`)
    const oracle = await compileOracle(archive)
    oracles.push(oracle)
    const cases = randomCases(LINES, SEED)
    const output = await oracle.run(
      cases.map(({count, present, line}) => `${count} ${present} ${line}\n`).join(''),
    )
    const theirs = output.split('\n')
    const [major = 0, minor = 0] = version.split('.').map(Number)
    const kernel = {release: version, major, minor}
    expect(theirs).toHaveLength(cases.length + 1)
    const different = cases.flatMap((each, index) => {
      const ours = isolctlSays(each, kernel)
      const kernels = kernelSays(theirs[index] ?? '', each)
      return JSON.stringify(ours) === JSON.stringify(kernels) ? [] : [{...each, ours, kernels}]
    })
    expect(different.slice(0, 5)).toEqual([])
  })
})

interface Case {
  readonly count: number
  readonly present: number
  readonly line: string
}

type Answer = Readonly<
  Record<'domain' | 'managedIrq' | 'nohzFull' | 'unbound' | 'rcuNocbs' | 'irqDefault' | 'dropped', string>
>

function isolctlSays(
  {count, present, line}: Case,
  kernel: {release: string; major: number; minor: number},
): Answer {
  const isolation = isolationOf(line, {count, present: below(present), kernel})
  const dropped = isolation.refused.flatMap(({text, dropped}) => {
    const [arg] = parseCmdline(text).args
    return dropped && arg?.value !== undefined && HOUSEKEEPING.has(arg.name) ? [arg.name] : []
  })
  return {
    domain: `${isolation.domain}`,
    managedIrq: `${isolation.managedIrq}`,
    nohzFull: `${isolation.nohzFull}`,
    unbound: `${isolation.unbound}`,
    rcuNocbs: `${isolation.rcuNocbs}`,
    irqDefault: isolation.irqDefault === undefined ? '-' : `${isolation.irqDefault}`,
    dropped: dropped.join(' '),
  }
}

const HOUSEKEEPING = new Set(['isolcpus', 'nohz_full'])

/** What the harness printed. It leaves the tick of the boot CPU to us (tick_nohz_init), and the union of RCU's masks. */
function kernelSays(output: string, {count}: Case): Answer {
  const [domain, managedIrq, tick, unbound, nocb, irq, ...dropped] = output.split(' ')
  const set = (mask: string | undefined) => CpuSet.fromMask(mask ?? '')
  const nohzFull = set(tick).minus(CpuSet.of(0))
  return {
    domain: `${set(domain)}`,
    managedIrq: `${set(managedIrq)}`,
    nohzFull: `${nohzFull}`,
    unbound: `${set(unbound)}`,
    rcuNocbs: `${set(nocb).union(nohzFull).intersect(below(count))}`,
    irqDefault: irq === '-' ? '-' : `${set(irq)}`,
    dropped: dropped.join(' '),
  }
}

const below = (count: number) => CpuSet.from(Array.from({length: count}, (_, cpu) => cpu))

/** Command lines that are mostly near to the point: right ones, and those with one thing wrong. */
function randomCases(howMany: number, seed: number): readonly Case[] {
  const random = generator(seed)
  const below = (limit: number) => Math.floor(random() * limit)
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T
  const some = (most: number, make: () => string, joint: string) =>
    Array.from({length: below(most + 1)}, make).join(joint)
  const number = () =>
    pick([
      `${below(4)}`,
      `${below(10)}`,
      `${below(70)}`,
      '00',
      '007',
      'N',
      '4294967296',
      '99999999999999999999',
    ])
  const cpus = () => `${below(6)}`
  const region = () =>
    pick([
      cpus,
      cpus,
      () => `${below(4)}-${below(8)}`,
      () => `${below(4)}-${below(8)}`,
      () => `${number()}-${number()}`,
      () => `${below(3)}-N`,
      () => `${below(4)}-${below(8)}:${below(3)}/${below(4)}`,
      () => `${number()}-${number()}:${number()}/${number()}`,
      () =>
        pick([
          'all',
          'ALL',
          'All:1/2',
          'all-3',
          'N',
          'n',
          '-',
          '',
          ' ',
          '3:1/2',
          '1 3',
          '2 ',
          '2-',
          '0-7:2',
          '\t',
          '\u00a0',
          '–',
          "'2-3'",
        ]),
    ])()
  const list = () => `${region()}${some(2, () => `${pick([',', ',', ',', ',,', ' ', ''])}${region()}`, '')}`
  const plain = () => pick(['2-3', '2-3', '2', '3', '1,3', '0', '0-3', '1-3', '0-1', list()])
  const flags = () =>
    some(
      3,
      () =>
        pick([
          'nohz',
          'domain',
          'managed_irq',
          'managedirq',
          'nohz',
          'domain',
          'x_y',
          'a1',
          'é',
          'à',
          'all',
        ]) + pick([',', ',', ',', ',', ':', ' ', '']),
      '',
    )
  const quoted = (text: string) => pick([text, text, text, `"${text}"`, `"${text}`, `${text}"`, `'${text}'`])
  const name = () =>
    pick([
      'isolcpus',
      'isolcpus',
      'nohz_full',
      'nohz-full',
      'rcu_nocbs',
      'rcu-nocbs',
      'rcu_nocbsx',
      'irqaffinity',
      'Isolcpus',
    ])
  const argument = () => {
    const which = name()
    const value = quoted(which === 'isolcpus' ? `${flags()}${plain()}` : plain())
    return pick([
      `${which}=${value}`,
      `${which}=${value}`,
      `${which}=${value}`,
      `${which}=${value}`,
      `"${which}=${value}"`,
      which,
      `${which}=`,
      `${which} =${value}`,
    ])
  }
  const other = () =>
    pick([
      'ro',
      'quiet',
      '2-3',
      '3',
      ',3',
      '--',
      '"--"',
      '--"',
      '=',
      'a=b',
      'a="b c"',
      '"x y"',
      'à',
      `nr_cpus=${pick(['0', '2', '3', '4', '0x3', '03', '-1', 'x', '', '5,6'])}`,
      `maxcpus=${pick(['0', '1', '2', '3', '-1', 'x'])}`,
      'nosmp',
      'nr_cpus',
      'maxcpus',
    ])
  const blank = () => pick([' ', ' ', ' ', '  ', '\t', '\v', '\u00a0'])
  const word = () => (random() < 0.7 ? argument() : other())
  const mutated = (line: string) => {
    const at = below(line.length + 1)
    return random() < 0.8
      ? line
      : line.slice(0, at) +
          pick(['"', ',', ' ', '=', '-', 'N', 'a', '3', '\u00a0', '']) +
          line.slice(at + below(2))
  }
  return Array.from({length: howMany}, () => {
    const count = pick([1, 2, 4, 4, 4, 8, 64])
    const line = withoutLoneQuote(mutated(`${some(5, () => `${word()}${blank()}`, '')}${word()}`))
    return {count, present: random() < 0.8 ? count : 1 + below(count), line}
  })
}

/**
 * Kernels before 6.1 read before the buffer when a quote alone ends the line (next_arg). The second
 * byte of "à" is a blank for them.
 */
const withoutLoneQuote = (line: string) => (/(?:^|[ \t\v\u00a0à])"$/.test(line) ? `${line}x` : line)

/** Numbers from 0 to 1 (mulberry32), the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
