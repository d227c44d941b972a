// SPDX-License-Identifier: MIT

import {efiText} from '../../boot/systemd-boot.ts'
import type {Host} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import type {BootControl} from './boot-control.ts'
import {grubControl} from './grub.ts'
import {loaderVariable, systemdBootControl} from './systemd-boot.ts'

/** The boot loader of this boot. Throws UserError (exit 69) if isolctl does not support it. */
export async function bootControl(host: Host): Promise<BootControl> {
  // systemd-boot sets the variable LoaderInfo. A machine can have both loaders installed.
  const loader = efiText((await host.read(loaderVariable('LoaderInfo'))) ?? '')
  if (!loader.startsWith('systemd-boot') && (await host.read('/boot/grub/grub.cfg')) !== undefined)
    return grubControl(host)
  const folder = await host.run(['bootctl', '--print-boot-path']).catch(() => undefined)
  if (folder !== undefined) return systemdBootControl(host, folder.stdout.trim())
  throw new UserError('the boot loader is neither GRUB nor systemd-boot', {
    exit: Exit.unsuitable,
    code: 'no-boot-loader',
    help: 'install the package by hand, keep the running kernel as the default, and choose the new one at the console',
  })
}
