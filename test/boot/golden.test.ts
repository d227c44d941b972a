// SPDX-License-Identifier: MIT

import {readdir, readFile} from 'node:fs/promises'
import {join, relative} from 'node:path'
import {describe, expect, it} from 'vitest'
import {parseCmdline} from '../../src/boot/cmdline.ts'
import {ordinaryEntries, parseGrubCfg} from '../../src/boot/grub.ts'
import {isolationOf} from '../../src/boot/isolation.ts'
import {parseLoaderEntry} from '../../src/boot/loader-entry.ts'
import type {Host} from '../../src/host/host.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import type {Settings} from '../../src/model/settings.ts'
import {firstOutOfBounds} from '../../src/plan/bounds.ts'
import {makePlan, type PlannedStep} from '../../src/plan/plan.ts'
import {bootArguments} from '../../src/plan/steps/boot-arguments.ts'
import {alive, applyAll, machine, undoAll} from '../plan/machine.ts'

const GOLDEN = join(import.meta.dirname, '../golden')
type Files = Readonly<Record<string, string>>

async function tree(folder: string): Promise<Files> {
  const entries = await readdir(folder, {recursive: true, withFileTypes: true})
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  return Object.fromEntries(
    await Promise.all(
      files.map(async (path) => [`/${relative(folder, path)}`, await readFile(path, 'utf8')] as const),
    ),
  )
}

/** The files of all these machines, besides those of the boot loader. */
const CPU = '/sys/devices/system/cpu'
const MACHINE: Files = {
  [`${CPU}/possible`]: '0-7\n',
  [`${CPU}/present`]: '0-7\n',
  '/proc/sys/kernel/arch': 'x86_64\n',
  '/proc/sys/kernel/osrelease': '6.12.0-golden\n',
  '/proc/cpuinfo': 'processor\t: 0\nflags\t\t: fpu constant_tsc nonstop_tsc\n',
  '/proc/cmdline': 'BOOT_IMAGE=/vmlinuz ro quiet\n',
  '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc\n',
}
const settings: Settings = {
  isolated: CpuSet.parse('2-7'),
  housekeeping: CpuSet.parse('0-1'),
  policy: {kind: 'other'},
  windowMs: 1,
}
/**
 * The GRUB programs of such a distribution; the text of Debian's generator contains the path of the
 * drop-in folder.
 */
const programs = (pair: string): Files =>
  pair.includes('opensuse')
    ? {'/usr/sbin/grub2-mkconfig': '. /etc/default/grub', '/usr/bin/grub2-script-check': ''}
    : pair.startsWith('bls')
      ? {'/usr/bin/grub2-editenv': ''}
      : pair.startsWith('systemd-boot')
        ? {}
        : {
            '/usr/sbin/grub-mkconfig': 'for x in /etc/default/grub.d/*.cfg',
            '/usr/bin/grub-script-check': '',
          }

/**
 * A machine whose programs behave as recorded: the generator prints the grub.cfg for the current
 * settings, grub-editenv sets a variable.
 */
function distribution(before: Files, after: Files, pair: string) {
  const m = machine({...MACHINE, ...programs(pair), ...before})
  const {memory} = m
  const answer: Host['run'] = async ([program, ...args]) => {
    if (/-mkconfig$/.test(program)) {
      const settings = (files: Files) =>
        Object.entries(files).filter(([path]) => path.startsWith('/etc/default/'))
      const now = Object.entries(Object.fromEntries(memory.files)).filter(([path]) =>
        path.startsWith('/etc/default/'),
      )
      const is = (files: Files) =>
        JSON.stringify(settings({...before, ...files}).sort()) === JSON.stringify(now.toSorted())
      const cfg = Object.keys(before).find((path) => path.endsWith('/grub.cfg')) ?? ''
      if (is(after)) return {stdout: after[cfg] ?? ''}
      if (is({})) return {stdout: before[cfg] ?? ''}
      throw new Error('there is no recording for these settings')
    }
    if (/-editenv$/.test(program)) {
      const [path = '', verb, word = ''] = args
      const [name, value] = word.split('=')
      const lines = (memory.files.get(path) ?? '').replace(/#*$/, '').split('\n').slice(0, -1)
      const index = lines.findIndex((line) => line.startsWith(`${name}=`))
      if (verb === 'unset') lines.splice(index, index === -1 ? 0 : 1)
      else if (index === -1) lines.push(`${name}=${value}`)
      else lines[index] = `${name}=${value}`
      memory.files.set(path, `${lines.join('\n')}\n`.padEnd(1024, '#'))
    }
    return {stdout: ''}
  }
  memory.run = answer
  return m
}

const pairs = await (async () => {
  const loaders = (await readdir(GOLDEN, {withFileTypes: true})).filter((entry) => entry.isDirectory())
  const found = await Promise.all(
    loaders.map(async ({name}) => (await readdir(join(GOLDEN, name))).map((pair) => `${name}/${pair}`)),
  )
  return found.flat().sort()
})()

it('there are recordings of all supported distributions', () => {
  expect(pairs).toEqual(
    expect.arrayContaining([
      'bls/fedora-43',
      'bls/rhel-10',
      'bls/rhel-9',
      'grub/debian-12',
      'grub/debian-13',
      'grub/opensuse-15.6',
      'grub/opensuse-tumbleweed',
      'grub/ubuntu-24.04',
      'systemd-boot/debian-13',
    ]),
  )
})

describe.each(pairs)('%s', (pair) => {
  const load = async () => {
    const [before, after] = [await tree(join(GOLDEN, pair, 'in')), await tree(join(GOLDEN, pair, 'out'))]
    return {before, after, m: distribution(before, after, pair)}
  }
  const planOn = (host: Host) => makePlan(host, {settings, steps: [bootArguments]})
  const step = async (host: Host): Promise<PlannedStep> => {
    const {steps, unknown} = await planOn(host)
    expect(unknown).toEqual([])
    if (steps[0] === undefined) throw new Error('no step')
    return steps[0]
  }
  const files = (m: {memory: {files: Map<string, string>}}) =>
    Object.fromEntries([...m.memory.files].filter(([path]) => !/^\/(proc|sys|usr)\//.test(path)))

  it('apply gives the recorded files, a second apply changes nothing, and undo restores every byte', async () => {
    const {before, after, m} = await load()
    const untouched = files(m)
    const plan = await planOn(m.host)
    expect(firstOutOfBounds(plan.steps.flatMap(({changes}) => changes))).toBeUndefined()
    const {outcome, events} = await applyAll(plan, m.under(alive))
    expect(events.flatMap((event) => (event.type === 'failed' ? [event.error.message] : []))).toEqual([])
    expect(outcome.status).toBe('applied')
    const {'/proc/sys/kernel/osrelease': _release, ...there} = {...before, ...after}
    expect(files(m)).toEqual({...untouched, ...there})
    expect(await step(m.host)).toMatchObject({changes: [], pending: true})
    const undone = await undoAll(m.under(alive))
    expect(undone.filter(({result}) => result !== 'undone' && result !== 'same')).toEqual([])
    expect(files(m)).toEqual(untouched)
  })

  it('the kernel parses the arguments as intended, and all others are passed as before', async () => {
    const {before, after} = await load()
    const lines = passed({...before, ...after})
    expect(lines.length).toBeGreaterThan(0)
    for (const line of lines) {
      const {domain, managedIrq, nohzFull, unbound, rcuNocbs, irqDefault, refused} = isolationOf(line, {
        count: 8,
        kernel: {release: '6.12', major: 6, minor: 12},
      })
      expect([domain, managedIrq, nohzFull, unbound, rcuNocbs].map(String)).toEqual(Array(5).fill('2-7'))
      expect([`${irqDefault}`, refused]).toEqual(['0-1', []])
    }
    const foreign = (line: string) =>
      parseCmdline(line)
        .args.filter(({name}) => !/^(isolcpus|nohz_full|rcu_nocbs|irqaffinity|tsc)$/.test(name))
        .map(({text}) => text)
    const [first = ''] = lines
    const sources = passed(before).map(foreign)
    // $kernelopts is the only variable that isolctl expands.
    if (!pair.includes('kernelopts')) expect(sources).toContainEqual(foreign(first))
  })

  it('booted with the arguments, the plan is empty', async () => {
    const {m} = await load()
    await applyAll(await planOn(m.host), m.under(alive))
    const [line = ''] = passed(Object.fromEntries(m.memory.files))
    m.memory.files.set('/proc/cmdline', `${line}\n`)
    const {changes, pending} = await step(m.host)
    expect([changes, pending]).toEqual([[], undefined])
  })
})

/**
 * The lines of isolctl's entries or of those that must pass the arguments; before apply: of all
 * entries.
 */
function passed(all: Files): readonly string[] {
  const cfg = Object.entries(all).find(([path]) => path.endsWith('/grub.cfg'))?.[1] ?? ''
  const entries = Object.entries(all).filter(([path]) => path.includes('/loader/entries/'))
  const own = entries.filter(([path]) => path.includes('/isolctl-'))
  return [
    ...ordinaryEntries(parseGrubCfg(cfg)).map(({args}) => args.join(' ')),
    ...(own.length > 0 ? own : entries).map(([, text]) => parseLoaderEntry(text).options),
  ]
}
