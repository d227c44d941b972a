// SPDX-License-Identifier: MIT
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, it, test} from 'vitest'
import {planSelection} from '../../src/commands/selection.ts'
import {parseConfig} from '../../src/config/load.ts'
import {resolveSettings} from '../../src/config/settings.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {TopologySchema} from '../../src/schema/machine.ts'
import {isolctl, plant} from './isolctl.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-init-'))
})
afterAll(async () => {
  await rm(folder, {recursive: true})
})

describe('isolctl init', () => {
  it('writes a config once, and replaces another one only with --force', async () => {
    const file = join(folder, 'new', 'config.yaml')
    const first = await isolctl('init', '--config', file)
    expect([first.exit, first.stderr]).toEqual([0, ''])
    expect(first.stdout).toContain(`written: ${file}`)
    const text = await readFile(file, 'utf8')
    expect(parseConfig(text, file).isolated?.plain).toBeDefined()
    await writeFile(file, 'isolated: 1\n')
    const second = await isolctl('init', '--config', file)
    expect(second).toMatchObject({exit: 2, stderr: expect.stringContaining('exists already')})
    expect(await readFile(file, 'utf8')).toBe('isolated: 1\n')
    expect((await isolctl('init', '--config', file, '--force')).exit).toBe(0)
    expect(await readFile(file, 'utf8')).toBe(text)
  })

  it('gives the reasons, on a machine with two kinds of cores', async () => {
    const root = join(folder, 'hybrid')
    const cpu = 'sys/devices/system/cpu'
    await plant(root, {
      [`${cpu}/online`]: '0-5\n',
      'sys/devices/cpu_core/cpus': '0-3\n',
      'sys/devices/cpu_atom/cpus': '4-5\n',
      ...Object.fromEntries(
        ['0-1', '0-1', '2-3', '2-3', '4', '5'].map((list, n) => [
          `${cpu}/cpu${n}/topology/core_cpus_list`,
          `${list}\n`,
        ]),
      ),
    })
    const {stdout, exit} = await isolctl('init', '--dry-run', '--root', root)
    expect(exit).toBe(0)
    expect(stdout).toContain('#   0-1  housekeeping  the core of the boot CPU\n')
    expect(stdout).toContain('#   4-5  housekeeping  a slower core, fast enough for housekeeping\n')
    expect(stdout).toMatch(/^isolated: 2-3\nhousekeeping: 0-1,4-5$/m)
    expect(stdout).toContain('nothing was written')
  })

  it.each(['init', 'topology'])('%s: a root without CPUs is an error of the input', async (command) => {
    const root = join(folder, `empty-${command}`)
    await plant(root, {'etc/hostname': 'x\n'})
    const more = command === 'init' ? ['--dry-run'] : []
    expect(await isolctl(command, ...more, '--root', root)).toEqual({
      stdout: '',
      exit: 69,
      stderr:
        'error: cannot read the CPUs of the machine: /sys/devices/system/cpu does not exist\nhelp: with --root, give a directory with the sys/ and proc/ of a Linux machine\n',
    })
  })

  it('topology shows core types, caches and clusters, and the schema has them', async () => {
    const root = join(folder, 'caches')
    const cpu = 'sys/devices/system/cpu'
    const list = (index: number, name: string) => [
      `${cpu}/cpu${index}/${name}`,
      `${index & ~1}-${index | 1}\n`,
    ]
    await plant(root, {
      [`${cpu}/online`]: '0-3\n',
      'sys/devices/cpu_core/cpus': '0-1\n',
      'sys/devices/cpu_lowpower/cpus': '2-3\n',
      'sys/devices/system/node/node0/cpumap': 'f\n',
      ...Object.fromEntries(
        [0, 1, 2, 3].flatMap((index) => [
          [`${cpu}/cpu${index}/topology/core_cpus_list`, `${index}\n`],
          [`${cpu}/cpu${index}/cache/index3/level`, '3\n'],
          list(index, 'cache/index3/shared_cpu_list'),
          list(index, 'topology/cluster_cpus_list'),
        ]),
      ),
    })
    const {stdout} = await isolctl('topology', '--root', root)
    expect(stdout).toContain(
      '\ncores: performance 0-1; low-power 2-3\nclusters: 0-1; 2-3\nshare an L3 cache: 0-1; 2-3\n\nCPU ',
    )
    const json = await isolctl('topology', '--root', root, '--json')
    const report = TopologySchema.parse(JSON.parse(json.stdout))
    expect(report.nodes).toEqual([{node: 0, cpus: '0-3'}])
    expect(report.cpus[2]).toMatchObject({node: 0, coreType: 'low-power', l3: '2-3', cluster: '2-3'})
    const proposal = await isolctl('init', '--dry-run', '--root', root)
    expect(proposal.stdout).toContain('\nisolated: 1\nhousekeeping: 0,2-3\n')
  })

  it('does not write to a captured machine', async () => {
    expect(await isolctl('init', '--root', folder)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining('a captured one cannot be changed'),
    })
  })
})

/** A small machine of two nodes without SMT. */
const CPU = '/sys/devices/system/cpu'
const machine = Object.fromEntries([
  [`${CPU}/online`, '0-3\n'],
  ...[0, 1, 2, 3].flatMap((cpu) => [
    [`${CPU}/cpu${cpu}/topology/core_cpus_list`, `${cpu}\n`],
    [`${CPU}/cpu${cpu}/node${cpu >> 1}/x`, ''],
  ]),
])

it('the dynamic policy brings the step that makes the partition', async () => {
  const ids = async (text: string) => {
    const host = memoryHost({...machine, '/etc/isolctl/config.yaml': text})
    const {steps, unknown} = await planSelection(host, {config: '/etc/isolctl/config.yaml'})
    return [...steps, ...unknown].map(({id}) => id)
  }
  expect(await ids('isolated: 3')).not.toContain('cpuset-partition')
  expect(await ids('isolated: 3\nisolation: dynamic')).toContain('cpuset-partition')
})

describe('a config in words', () => {
  const settings = async (text: string) => {
    const {isolated, housekeeping} = await resolveSettings(
      memoryHost({...machine, '/etc/isolctl/config.yaml': text}),
      {config: '/etc/isolctl/config.yaml'},
    )
    return [`${isolated}`, `${housekeeping}`]
  }

  it('is resolved on the machine', async () => {
    expect(await settings('isolated: all but the first core of each node')).toEqual(['1,3', '0,2'])
    expect(await settings('isolated: 2-N')).toEqual(['2-3', '0-1'])
  })

  it('of a class overrides the others on hosts of that class', async () => {
    const text =
      'isolated: 3\nclasses:\n  - name: db-*\n    isolated: 1\n  - name: mem*\n    cpus: 4\n    isolated: 2-N\n'
    expect(await settings(text)).toEqual(['2-3', '0-1'])
    expect(await settings(text.replace('cpus: 4', 'cpus: 8'))).toEqual(['3', '0-2'])
  })

  test.for([
    ['policy: other\nisolated: 2-9', 'config.yaml:2: isolated: CPU 4-9 is not online; this machine has 0-3'],
    ['isolated: all', 'config.yaml:1: isolated: CPU 0 cannot be isolated'],
    ['isolated: node 7', 'config.yaml:1: isolated: this machine has no node 7; it has 0, 1'],
    ['isolated: 1 but 1', 'config.yaml:1: isolated: "1 but 1" selects no CPU of this machine'],
    ['\nisolated: 1\nhousekeeping: 1-2', 'config.yaml:2: isolated: CPU 1 is both isolated and housekeeping'],
    [
      'classes:\n  - cpus: 4\n    isolated: performance cores',
      'config.yaml:3: isolated: this machine does not have two',
    ],
  ] as const)('%j is refused with key and line', async ([text, message]) => {
    await expect(settings(text)).rejects.toThrow(message)
  })
})
