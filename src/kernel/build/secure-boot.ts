// SPDX-License-Identifier: MIT
import type {HostView} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'

/**
 * efivarfs: four bytes of attributes, then the value (Documentation/filesystems/efivarfs.rst); UEFI
 * 2.10, table 3.3.
 */
const VARIABLE = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c'

/** Whether the firmware starts only signed programs; false without UEFI. */
export async function secureBoot(host: HostView): Promise<boolean> {
  // The attributes and the value, 0 or 1, are below 128: each byte is one character.
  return (await host.read(VARIABLE))?.charCodeAt(4) === 1
}

/** Throws UserError (exit 69) if Secure Boot is on. */
export async function refuseSecureBoot(host: HostView): Promise<void> {
  if (!(await secureBoot(host))) return
  throw new UserError('Secure Boot is on: the firmware refuses a kernel without a signature', {
    exit: Exit.unsuitable,
    code: 'secure-boot',
    help:
      'enrol your own key (mokutil --import, then MokManager on the console), build with --for-secure-boot, ' +
      'and sign /boot/vmlinuz-RELEASE with sbsign after the installation',
  })
}
