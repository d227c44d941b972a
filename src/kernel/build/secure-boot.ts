// SPDX-License-Identifier: MIT
import type {HostView} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'

/** efivarfs: four bytes of attributes, then the value (Documentation/filesystems/efivarfs.rst); UEFI 2.10, table 3.3. */
const VARIABLE = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c'

/** Whether the firmware starts signed programs only; false where there is no such firmware. */
export async function secureBoot(host: HostView): Promise<boolean> {
  // The value is 0 or 1 and the attributes are small: one byte of text each.
  return (await host.read(VARIABLE))?.charCodeAt(4) === 1
}

/** Throws UserError (exit 69), before an hour of compiling and not after it. */
export async function refuseSecureBoot(host: HostView): Promise<void> {
  if (!(await secureBoot(host))) return
  throw new UserError('Secure Boot is on: the firmware would refuse a kernel that nobody signed', {
    exit: Exit.unsuitable,
    code: 'secure-boot',
    help:
      'enrol a key of your own (mokutil --import, then MokManager on the console), and sign /boot/vmlinuz-RELEASE with sbsign ' +
      'after the installation; --for-secure-boot builds it on that understanding',
  })
}
