// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {bootControl} from '../../../src/kernel/install/boot-loader.ts'
import {bootEntry, loaderVariables} from '../../support/efi.ts'

type Files = Readonly<Record<string, string>>

const SYSTEMD = loaderVariables({LoaderInfo: 'systemd-boot 257', LoaderEntrySelected: 'debian-6.12.conf'})
const GRUB = {'/boot/grub/grub.cfg': 'set default="0"\n'}
const SHIM = bootEntry(1, 'debian', '\\EFI\\debian\\shimx64.efi')

/** A machine on which bootctl knows the ESP, or is not installed. */
function machine(files: Files, bootctl = true) {
  const memory = memoryHost(files)
  memory.run = async ([program]) => {
    if (program !== 'bootctl' || !bootctl) throw new Error(`${program}: not installed`)
    return {stdout: '/efi\n'}
  }
  return memory
}

test.for<readonly [string, Files, string]>([
  ['GRUB by its file', GRUB, 'GRUB /boot/grub'],
  ['GRUB by shim', {...GRUB, ...SHIM}, 'GRUB /boot/grub'],
  ['GRUB 2.12', {...GRUB, ...loaderVariables({LoaderInfo: 'GRUB 2.12'})}, 'GRUB /boot/grub'],
  ['systemd-boot, with GRUB beside it', {...GRUB, ...SYSTEMD}, 'systemd-boot /efi/loader/entries'],
  ['no sign of either', {}, 'systemd-boot /efi/loader/entries'],
])('%s', async ([, files, expected]) => {
  const {name, folders} = await bootControl(machine(files))
  expect(`${name} ${folders[0]}`).toBe(expected)
})

test.for<readonly [string, Files, string]>([
  [
    'GRUB by shim, /boot not mounted',
    SHIM,
    'GRUB started this machine, and /boot/grub/grub.cfg does not exist',
  ],
  [
    'systemd-boot, no bootctl, GRUB beside it',
    {...GRUB, ...SYSTEMD},
    'the boot loader is neither GRUB nor systemd-boot',
  ],
  ['NixOS', {...GRUB, '/etc/NIXOS': ''}, 'NixOS generates the boot entries'],
  [
    'Proxmox',
    {...GRUB, ...SYSTEMD, '/etc/kernel/proxmox-boot-uuids': 'ABCD-1234\n'},
    'proxmox-boot-tool generates',
  ],
  [
    'a unified image',
    loaderVariables({LoaderInfo: 'systemd-boot 257', LoaderEntrySelected: 'x.efi'}),
    'the builder of the unified kernel image',
  ],
  [
    'rEFInd, with GRUB beside it',
    {...GRUB, ...loaderVariables({LoaderInfo: 'rEFInd 0.14'})},
    'rEFInd started this machine',
  ],
])('%s is refused, with a way', async ([, files, expected]) => {
  const failure = await bootControl(machine(files, false)).catch((error: unknown) => error)
  expect(failure).toMatchObject({
    message: expect.stringContaining(expected),
    code: 'no-boot-loader',
    exit: 69,
    help: expect.stringContaining('install the package by hand'),
  })
})
