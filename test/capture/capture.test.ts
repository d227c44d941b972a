// SPDX-License-Identifier: MIT
import {mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {takeCapture} from '../../src/capture/capture.ts'
import {writeCapture} from '../../src/capture/write.ts'
import {CHECKS} from '../../src/checks/registry.ts'
import {runChecks} from '../../src/checks/run.ts'
import {gatherer} from '../../src/facts/fact.ts'
import {captured, MANIFEST} from '../../src/host/captured.ts'
import {HostError, type HostView} from '../../src/host/host.ts'
import {busy, watched} from '../../src/measure/watch.ts'
import {isolctl} from '../commands/isolctl.ts'
import {fakeLive, givens, goodFiles, taskFiles} from '../support/machine.ts'

let folder = ''
const at = (name: string) => join(folder, name)
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
})
afterEach(() => rm(folder, {recursive: true}))

const take = (host: HostView) => takeCapture(host, {version: '0.1.0', also: ['/etc/isolctl/config.yaml']})

/** The results of all checks that do not measure. */
async function judged(host: HostView): Promise<Record<string, unknown>> {
  const passive = CHECKS.filter(
    ({facts}) => !Object.values(facts).some((fact) => fact === busy || fact === watched),
  )
  const results: Record<string, unknown> = {}
  const get = gatherer(host, givens({}, {spin: false}))
  for await (const {check, ms: _, ...rest} of runChecks(passive, get, {clock: () => 0}))
    results[check.id] = rest
  return JSON.parse(JSON.stringify(results))
}

/** The good machine with faults, host names, unreadable files, and modes. */
function machine(): HostView {
  const {host} = fakeLive({
    ...goodFiles(),
    '/proc/sys/kernel/hostname': 'rt-07\n',
    '/proc/irq/24/smp_affinity_list': '0-3\n',
    '/sys/kernel/irq/24/actions': 'enx525400abcdef-rx-0\n',
    '/var/log/dmesg': 'Linux version 6.12.117-isol1 (root@rt-07)\nusb 1-1: SerialNumber: 12345\n',
    ...taskFiles({tid: 77, comm: 'stray', cpu: 2, allowed: '2', switches: 5}),
  })
  return {
    ...host,
    async read(path) {
      if (path === '/sys/devices/virtual/workqueue/cpumask')
        throw new HostError('EACCES', path, 'cannot read')
      return host.read(path)
    },
    mode: async (path) => (path.startsWith('/proc/irq/24/') ? 0o444 : undefined),
  }
}

describe.each(['machine', 'machine.tgz'])('a capture as %s', (name) => {
  it('is judged as the machine is, including unreadable files', async () => {
    const host = machine()
    await writeCapture(at(name), await take(host))
    const [here, there] = [await judged(host), await judged(captured(at(name)))]
    const renamed = JSON.stringify(here).replaceAll('enx525400abcdef', 'enx020000000001')
    expect(there).toEqual(JSON.parse(renamed))
    expect(there['wq-unbound-cpumask']).toMatchObject({
      status: 'unknown',
      reason: expect.stringContaining('EACCES'),
    })
    expect(JSON.stringify(there)).toContain('stray [77]')
  })

  it('is readable by its owner only, and no temporary file remains', async () => {
    await writeCapture(at(name), await take(machine()))
    expect((await stat(at(name))).mode & 0o77).toBe(0)
    expect(await readdir(folder)).toEqual([name])
  })

  it('does not replace a directory that is not empty', async () => {
    await mkdir(at(name))
    await writeFile(join(at(name), 'precious'), 'x')
    await expect(writeCapture(at(name), await take(machine()))).rejects.toThrow(`cannot write ${at(name)}: E`)
    expect(await readdir(at(name))).toEqual(['precious'])
    expect(await readdir(folder)).toEqual([name])
  })
})

it('contains no host name, address or serial number of the machine', async () => {
  const {files, redactions} = await take(machine())
  const everything = [...files].map((entry) => entry.join('\n')).join('\n')
  for (const secret of ['rt-07', '525400abcdef', '12345']) expect(everything).not.toContain(secret)
  expect(redactions).toMatchObject({'host names': 1, 'MAC addresses': 1, 'serial numbers': 1})
})

it('refuses a path that leads out', async () => {
  const host = machine()
  const odd = {...host, list: async (path: string) => (path === '/proc/irq' ? ['24', '..'] : host.list(path))}
  await expect(take(odd)).rejects.toThrow('not a path to capture')
})

describe('a captured tree of another tool', () => {
  const IRQS = 'proc/irq/24'
  beforeEach(async () => {
    await mkdir(at(`host/${IRQS}`), {recursive: true})
    await writeFile(at('secret'), 'secret')
    await writeFile(at('host/inside'), 'inside')
  })

  it.each([
    ['up and out', '../../../../secret'],
    ['from the root', 'SECRET'],
  ])('cannot show a file of this machine: %s', async (_, target) => {
    await symlink(target === 'SECRET' ? at('secret') : target, at(`host/${IRQS}/actions`))
    expect(await captured(at('host')).read(`/${IRQS}/actions`)).toBeUndefined()
    await symlink(target === 'SECRET' ? folder : '../..', at('host/proc/up'))
    expect(await captured(at('host')).list('/proc/up')).not.toContain('secret')
    expect(await captured(at('host')).read('/proc/up/secret')).toBeUndefined()
  })

  it('follows links inside the tree, from its own root', async () => {
    await symlink('/inside', at(`host/${IRQS}/absolute`))
    await symlink('../../../inside', at(`host/${IRQS}/relative`))
    await symlink('irq/24', at('host/proc/folder'))
    const host = captured(at('host'))
    for (const name of ['absolute', 'relative']) expect(await host.read(`/${IRQS}/${name}`)).toBe('inside')
    expect(await host.list('/proc/folder')).toEqual(['absolute', 'relative'])
    expect(await host.read('/proc/folder/relative')).toBe('inside')
  })

  it('reports a loop of links', async () => {
    await symlink('b', at('host/a'))
    await symlink('a', at('host/b'))
    await expect(captured(at('host')).read('/a')).rejects.toThrow('cannot read /a: ELOOP')
  })

  it('is not complete without a manifest or with a damaged one', async () => {
    expect(captured(at('host')).complete).toBeUndefined()
    await writeFile(at(`host/${MANIFEST}`), '{"schema": "isolctl.capture/1"}')
    expect(() => captured(at('host'))).toThrow(/isolctl-capture\.json is damaged: /)
  })
})

it.each([
  ['text', 'no archive', /cannot read .*: not a .tgz archive/],
  ['text', 'x', /cannot read .*: not a .tgz archive/],
  [
    'gzip of no tar',
    Buffer.from('H4sIAAAAAAAAA0vOT0kFAMgd8d4EAAAA', 'base64'),
    /cannot read|not one that isolctl capture wrote/,
  ],
])('--root refuses a file that is %s', async (_, contents, message) => {
  await writeFile(at('x.tgz'), contents)
  const {exit, stderr} = await isolctl('topology', '--root', at('x.tgz'))
  expect({exit, stderr}).toEqual({exit: 69, stderr: expect.stringMatching(message)})
})

it('a file that is no config is not captured because --config names it', async () => {
  await writeCapture(at('first'), await take(machine()))
  await writeFile(at('shadow'), 'root:$6$secret:1:0\n')
  const words = ['capture', '--root', at('first'), '--config', at('shadow'), at('second.tgz')]
  const {exit, stderr} = await isolctl(...words)
  expect(exit).toBe(2)
  expect(stderr).not.toContain('$6$')
  expect(await readdir(folder)).not.toContain('second.tgz')
})

it('capture reports what it captured and what it redacted', async () => {
  await writeCapture(at('first'), await take(machine()))
  const {exit, stdout, stderr} = await isolctl('capture', '--root', at('first'), at('second.tgz'))
  expect({exit, stderr}).toEqual({exit: 0, stderr: ''})
  expect(stdout).toMatch(/second\.tgz: \d+ files, \d+ KiB\nredacted: host names 0/)
  const again = await isolctl('capture', '--root', at('first'), at('first'), '--json')
  expect([again.exit, JSON.parse(again.stdout).error.code]).toEqual([69, 'ENOTEMPTY'])
  expect(await readFile(join(at('first'), MANIFEST), 'utf8')).toContain('isolctl.capture/1')
})
