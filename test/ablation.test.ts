// SPDX-License-Identifier: MIT
/**
 * Absent is not fine: no file of a machine can be removed, emptied or damaged so that a check passes
 * that did not pass before, or a step has nothing to do that had. `npm run bench -- ablation` does it
 * with every file of every machine at hand; here each run takes a part of them.
 */
import {readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {describe, expect, test} from 'vitest'
import {captured} from '../src/host/captured.ts'
import type {HostView} from '../src/host/host.ts'
import {memoryHost} from '../src/host/memory.ts'
import {CpuSet} from '../src/model/cpuset.ts'
import {OUTCOMES} from './checks/machines.ts'
import {ablate, DAMAGES} from './support/ablation.ts'
import {changed, givens, goodFiles} from './support/machine.ts'

const HOSTS = join(import.meta.dirname, 'hosts/lab')

/** Each run takes another part, and prints which, so that a failure can be repeated. */
const seed = Number(process.env['ISOLCTL_SEED'] ?? Math.floor(Math.random() * 1000))
const oneIn = (parts: number) => (_path: string, index: number) => (index + seed) % parts === 0

const SETTINGS = {isolated: CpuSet.parse('2-3'), housekeeping: CpuSet.parse('0-1')}

describe(`one file of a capture is damaged (ISOLCTL_SEED=${seed})`, () => {
  test.for(readdirSync(HOSTS))('%s', {timeout: 120_000}, async (name) => {
    for (const policy of [{kind: 'other'}, {kind: 'fifo', priority: 50}] as const) {
      const {runs, violations} = await ablate(
        captured(join(HOSTS, name)),
        givens({...SETTINGS, policy}, {spin: false}),
        {chosen: oneIn(6)},
      )
      expect(runs).toBeGreaterThan(100)
      expect(violations).toEqual([])
    }
  })
})

const GOLDEN = join(import.meta.dirname, 'golden')
const filesBelow = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder, {recursive: true, withFileTypes: true})
      .filter((entry) => entry.isFile())
      .map(({parentPath, name}) => join(parentPath, name))
      .map((path) => [path.slice(folder.length), readFileSync(path, 'utf8')]),
  )

/** Machines whose boot loader passes other arguments next time than those of this boot. */
describe('one file of a boot loader is damaged', () => {
  const bootLoaders = readdirSync(GOLDEN, {withFileTypes: true}).filter((entry) => entry.isDirectory())
  const machines = bootLoaders.flatMap(({name}) =>
    readdirSync(join(GOLDEN, name)).map((system) => `${name}/${system}`),
  )
  test.for(machines)('%s', {timeout: 240_000}, async (machine) => {
    const booted = machine.startsWith('systemd-boot') ? 'initrd=\\x\\initrd' : 'BOOT_IMAGE=(hd0,gpt2)/vmlinuz'
    const host = memoryHost({
      ...goodFiles(),
      ...filesBelow(join(GOLDEN, machine, 'in')),
      '/proc/sys/kernel/osrelease': '6.12.1\n',
      '/proc/cmdline': `${booted} root=/dev/sda2 isolcpus=3 ro\n`,
      '/usr/bin/grub2-editenv': '',
      '/usr/bin/grub-script-check': '',
      '/usr/bin/grub2-script-check': '',
      '/usr/sbin/grub-mkconfig': '/etc/default/grub.d',
      '/usr/sbin/grub2-mkconfig': '',
    })
    for (const {extra, damages} of WAYS.map(([, extra, damages]) => ({extra, damages}))) {
      const {runs, violations} = await ablate({...host, ...extra}, givens(SETTINGS, {spin: false}), {
        damages,
        chosen: (path) => /boot|etc\/|efi|cmdline|osrelease|mounts/.test(path),
      })
      expect(runs).toBeGreaterThan(20)
      expect(violations).toEqual([])
    }
  })
})

/** In a complete capture, a file that is absent was absent on the machine. */
const WAYS: readonly (readonly [name: string, extra: Partial<HostView>, damages: readonly string[]])[] = [
  ['a partial capture', {}, Object.keys(DAMAGES)],
  ['a complete capture', {complete: true}, Object.keys(DAMAGES).filter((damage) => damage !== 'removed')],
]

describe(`one file of a bad machine is damaged (ISOLCTL_SEED=${seed})`, () => {
  test.for(WAYS)('%s', {timeout: 240_000}, async ([, extra, damages]) => {
    const violations: unknown[] = []
    for (const [id, {bad, unknown}] of Object.entries(OUTCOMES))
      for (const {change = {}, over = {}, how = {}, mode} of [bad, unknown]) {
        // Files of this check's machine, and a part of those that all machines share.
        const host = {
          ...memoryHost(changed(change)),
          ...extra,
          ...(mode === undefined ? {} : {mode: async () => mode}),
        }
        const own = (path: string) => Object.keys(change).some((each) => path.startsWith(each))
        const result = await ablate(host, givens(over, {...how, spin: false}), {
          damages,
          chosen: (path, index) => own(path) || oneIn(60)(path, index),
        })
        violations.push(...result.violations.map((each) => ({machine: id, ...each})))
      }
    expect(violations).toEqual([])
  })
})

test('a machine that is tuned is not found in order without its files', async () => {
  const {violations} = await ablate(memoryHost(goodFiles()), givens({}, {spin: false}), {chosen: oneIn(2)})
  expect(violations).toEqual([])
})
