// SPDX-License-Identifier: MIT
import {expect, it} from 'vitest'
import {type MemoryHost, memoryHost} from '../../src/host/memory.ts'
import {ChangeSchema} from '../../src/model/change.ts'
import {current, effect} from '../../src/plan/effect.ts'

const cfg = (args: string) =>
  `### BEGIN /etc/grub.d/10_linux ###\nmenuentry 'Debian' { linux /vmlinuz ${args}\n}\n### END /etc/grub.d/10_linux ###\n`

const change = ChangeSchema.parse({
  kind: 'run',
  argv: ['grub-mkconfig'],
  undo: null,
  into: {path: '/boot/grub/grub.cfg', check: ['grub-script-check'], passes: ['nohz_full=2-3']},
})

function grub(made: string, {sound = true} = {}): MemoryHost & {given: string[]} {
  const host = memoryHost({'/boot/grub/grub.cfg': cfg('before')})
  const given: string[] = []
  return {
    ...host,
    given,
    async run([program], {stdin} = {}) {
      if (program === 'grub-mkconfig') return {stdout: made}
      given.push(stdin ?? '')
      if (!sound) throw new Error('grub-script-check: exit status 1: syntax error at line 1')
      return {stdout: ''}
    },
  }
}

it('a generated grub.cfg replaces the old one after it passes the checks', async () => {
  const host = grub(cfg('quiet nohz_full=2-3'))
  await effect(change, host)
  expect(host.files.get('/boot/grub/grub.cfg')).toBe(cfg('quiet nohz_full=2-3'))
  expect(host.given).toEqual([cfg('quiet nohz_full=2-3')])
})

it.each([
  ['lacks an argument', grub(cfg('quiet')), 'nohz_full=2-3 is missing'],
  ['has it twice', grub(cfg('nohz_full=2-3 nohz_full=2-3')), 'is passed as nohz_full=2-3 nohz_full=2-3'],
  ['is empty', grub(''), 'no entry for a kernel of this system'],
  ['is no script', grub(cfg('nohz_full=2-3'), {sound: false}), 'syntax error'],
])('one that %s does not replace it', async (_, host, why) => {
  await expect(effect(change, host)).rejects.toThrow(why)
  expect(host.files.get('/boot/grub/grub.cfg')).toBe(cfg('before'))
})

it('a variable of grubenv is read back, and a damaged block is an error', async () => {
  const variable = ChangeSchema.parse({
    kind: 'grubenv',
    path: '/boot/grub2/grubenv',
    name: 'saved_entry',
    from: null,
    to: 'isolctl-6',
    editenv: '/usr/bin/grub2-editenv',
  })
  if (variable.kind !== 'grubenv') throw new Error('not a variable')
  const ignored = memoryHost({'/boot/grub2/grubenv': '# GRUB Environment Block\n'.padEnd(1024, '#')})
  await expect(effect(variable, ignored)).rejects.toThrow('reads back as ""')
  expect(ignored.ran).toEqual([
    ['/usr/bin/grub2-editenv', '/boot/grub2/grubenv', 'set', 'saved_entry=isolctl-6'],
  ])
  await expect(current(variable, memoryHost({'/boot/grub2/grubenv': 'x'}))).rejects.toThrow('not a GRUB')
})
