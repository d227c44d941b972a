// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {isolationOf} from '../../src/boot/isolation.ts'
import {planProxmox} from '../../src/boot/proxmox.ts'
import {parseKernel} from '../../src/facts/kernel.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import type {Settings} from '../../src/model/settings.ts'
import {makePlan} from '../../src/plan/plan.ts'
import {bootArguments} from '../../src/plan/steps/boot-arguments.ts'
import {alive, applyAll, contents, dieAt, machine, undoAll} from '../plan/machine.ts'
import {loaderVariables} from '../support/efi.ts'

const settings: Settings = {
  isolated: CpuSet.parse('2-3'),
  housekeeping: CpuSet.parse('0-1'),
  policy: {kind: 'other'},
  windowMs: 1,
}
const FILE = '/etc/kernel/cmdline'
const OURS = 'isolcpus=nohz,domain,managed_irq,2-3 nohz_full=2-3 rcu_nocbs=2-3 irqaffinity=0-1'
const MACHINE = {
  '/sys/devices/system/cpu/possible': '0-3\n',
  '/sys/devices/system/cpu/present': '0-3\n',
  '/proc/sys/kernel/osrelease': '6.8.12-4-pve\n',
  '/proc/cmdline': 'initrd=\\EFI\\proxmox\\6.8\\initrd root=ZFS=rpool/ROOT/pve-1 boot=zfs\n',
  '/etc/kernel/proxmox-boot-uuids': 'ABCD-1234\n',
  ...loaderVariables({LoaderInfo: 'systemd-boot 252.31', LoaderEntrySelected: 'proxmox-6.8.12-4-pve.conf'}),
}
const TEXTS = [
  'root=ZFS=rpool/ROOT/pve-1 boot=zfs\n',
  'root=ZFS=r boot=zfs nohz_full=1',
  'root=/dev/a quiet\nignored\n',
  null,
]
const filesFor = (text: string | null) => ({...MACHINE, ...(text === null ? {} : {[FILE]: text})})
const planOn = (m: ReturnType<typeof machine>) => makePlan(m.host, {settings, steps: [bootArguments]})
const REFRESH = ['/usr/sbin/proxmox-boot-tool', 'refresh']

test.for(TEXTS)('apply changes %j once and refreshes the ESPs; undo restores every byte', async (text) => {
  const m = machine(filesFor(text))
  const plan = await planOn(m)
  expect(plan.unknown).toEqual([])
  expect((await applyAll(plan, m.under(alive))).outcome.status).toBe('applied')
  const [line = '', ...rest] = (m.memory.files.get(FILE) ?? '').split('\n')
  expect(line).toMatch(/^root=\S+ /)
  expect(line).toContain(
    OURS.replace(' nohz_full=2-3', text?.includes('nohz_full') ? '' : ' nohz_full=2-3').split(' ')[0],
  )
  expect(`${isolationOf(line, {kernel: parseKernel('6.8.12-4-pve'), count: 4}).nohzFull}`).toBe('2-3')
  expect(line).not.toContain('nohz_full=1')
  expect(rest).toEqual(text === null ? [''] : text.split('\n').slice(1))
  expect(m.memory.ran).toEqual([REFRESH])
  const [again] = (await planOn(m)).steps
  expect(again).toMatchObject({changes: [], pending: true})
  expect(again?.notes.map(({reason}) => reason)).toEqual([
    'has these arguments; the ESPs are not mounted, so run proxmox-boot-tool refresh if it was edited by hand',
  ])
  m.memory.ran.length = 0
  await undoAll(m.under(alive))
  expect(contents(m)).toEqual(filesFor(text))
  expect(m.memory.ran).toEqual([REFRESH])
})

test('killed anywhere in apply, undo restores every byte and refreshes after that', async () => {
  const files = filesFor('root=/dev/a ro\n')
  const whole = machine(files)
  await applyAll(await planOn(whole), whole.under(alive))
  for (let at = 0; at <= whole.count(); at++) {
    const m = machine(files)
    await applyAll(await planOn(m), m.under(dieAt(at))).catch(() => {})
    const changed = m.memory.files.get(FILE) !== files[FILE]
    await undoAll(m.under(alive))
    expect(contents(m)).toEqual(files)
    if (changed) expect(m.memory.ran.at(-1)).toEqual(REFRESH)
  }
})

test('booted with the arguments, the plan is empty', async () => {
  const m = machine(filesFor(`root=/dev/a ro ${OURS}\n`))
  m.memory.files.set('/proc/cmdline', `initrd=\\EFI\\x root=/dev/a ro ${OURS}\n`)
  const [step] = (await planOn(m)).steps
  expect([step?.changes, step?.pending]).toEqual([[], undefined])
})

const state = (text: string | null) => ({
  kernelCmdline: {path: FILE, text},
  tool: '/usr/sbin/proxmox-boot-tool',
  booted: 'ro\n',
})

test('a file that proxmox-boot-tool would refuse is not changed', () => {
  expect(() => planProxmox(state('# root=/dev/a\nroot=/dev/a\n'), [{word: 'nohz_full=2'}])).not.toThrow()
  expect(() => planProxmox(state('quiet\nroot=/dev/a\n'), [{word: 'nohz_full=2'}])).toThrow('has no root=')
  expect(() => planProxmox(state(null), [{word: 'nohz_full=2'}])).toThrow('has no root=')
})

test('an argument of others that isolctl would only add is kept', () => {
  const plan = planProxmox(state('root=/dev/a tsc=nowatchdog\n'), [{word: 'tsc=reliable', yields: true}])
  expect(plan).toMatchObject({
    changes: [],
    line: 'root=/dev/a tsc=nowatchdog',
    notes: [{subject: 'tsc=reliable', reason: 'left out: tsc=nowatchdog is already passed'}, {subject: FILE}],
  })
})
