// SPDX-License-Identifier: MIT
import {expect, it} from 'vitest'
import {efiText} from '../../src/boot/firmware.ts'
import {cloneLoaderEntry, parseLoaderEntry} from '../../src/boot/loader-entry.ts'
import {ownEntryName} from '../../src/boot/own-entry.ts'
import {defaultEntry, withDefaultEntry} from '../../src/boot/systemd-boot.ts'

const ENTRY = [
  '# Boot Loader Specification type#1 entry',
  'title      Debian GNU/Linux 12 (bookworm)',
  'version    6.1.0-41-amd64',
  'machine-id 4c1d',
  'sort-key   debian',
  'options    root=UUID=12-34 ro quiet',
  'options    nohz_full=1',
  'linux      /4c1d/6.1.0-41-amd64/linux',
  'initrd     /4c1d/6.1.0-41-amd64/initrd.img-6.1.0-41-amd64',
  '',
].join('\n')

it('parses an entry', () => {
  expect(parseLoaderEntry(ENTRY)).toEqual({
    title: 'Debian GNU/Linux 12 (bookworm)',
    version: '6.1.0-41-amd64',
    linux: '/4c1d/6.1.0-41-amd64/linux',
    initrd: ['/4c1d/6.1.0-41-amd64/initrd.img-6.1.0-41-amd64'],
    options: 'root=UUID=12-34 ro quiet nohz_full=1',
  })
})

it('clones an entry with merged arguments and keeps the rest', () => {
  const clone = cloneLoaderEntry(ENTRY, {title: 'Isolated', words: ['nohz_full=2-3', 'isolcpus=2-3']})
  expect(clone).toBe(
    ENTRY.replace('Debian GNU/Linux 12 (bookworm)', 'Isolated')
      .replace('ro quiet', 'ro quiet nohz_full=2-3 isolcpus=2-3')
      .replace('options    nohz_full=1\n', ''),
  )
  expect(cloneLoaderEntry(clone, {words: ['nohz_full=2-3', 'isolcpus=2-3']})).toBe(clone)
})

it('expands $kernelopts and no other variable', () => {
  const text = 'title x\nlinux /k\noptions $kernelopts $tuned_params\n'
  expect(cloneLoaderEntry(text, {words: ['a=1'], kernelopts: 'root=/dev/x ro'})).toBe(
    'title x\nlinux /k\noptions root=/dev/x ro $tuned_params a=1\n',
  )
})

it('adds an initrd and arguments to an entry without them', () => {
  const clone = cloneLoaderEntry('title x\nlinux /k\n', {words: ['a=1'], initrd: ['/i', '/j']})
  expect(parseLoaderEntry(clone)).toMatchObject({options: 'a=1', initrd: ['/i', '/j']})
})

it('changes only the default of a loader.conf', () => {
  const conf = '#timeout 3\nconsole-mode keep\ndefault  4c1d-*\n'
  expect(defaultEntry(conf)).toBe('4c1d-*')
  expect(withDefaultEntry(conf, 'isolctl-6.1.conf')).toBe(conf.replace('4c1d-*', 'isolctl-6.1.conf'))
  expect(defaultEntry('timeout 3\n')).toBeUndefined()
  expect(defaultEntry(withDefaultEntry('timeout 3\n', 'isolctl-6.1.conf'))).toBe('isolctl-6.1.conf')
})

it('makes a file name without a slash', () => {
  expect(ownEntryName('6.12.1+deb13/../x')).toBe('isolctl-6.12.1+deb13_.._x.conf')
})

it('decodes an EFI variable', () => {
  const utf16 = [...'systemd-boot 252.39'].map((char) => `${char}\0`).join('')
  expect(efiText(`\x06\0\0\0${utf16}\0\0`)).toBe('systemd-boot 252.39')
})
