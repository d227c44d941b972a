// SPDX-License-Identifier: MIT

import {managesEsps} from '../../boot/owners.ts'
import {bootEvidence, bootOwner} from '../../facts/boot-owner.ts'
import {gatherer} from '../../facts/fact.ts'
import type {Host} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import type {BootControl} from './boot-control.ts'
import {grubControl} from './grub.ts'
import {systemdBootControl} from './systemd-boot.ts'

/**
 * The boot loader that started this machine: firmware and the boot arguments show which one, where
 * several are installed. Throws UserError (exit 69) if isolctl cannot try a kernel with it.
 */
export async function bootControl(host: Host): Promise<BootControl> {
  const get = gatherer(host)
  const owner = await get(bootOwner)
  const {starter, files} = await get(bootEvidence)
  if (owner !== undefined) throw unsuitable(`isolctl cannot try a kernel here: ${owner.why}`)
  if (managesEsps(files))
    throw unsuitable(
      'isolctl cannot try a kernel here: proxmox-boot-tool generates the boot entries',
      'install the package by hand, and boot it once with: proxmox-boot-tool kernel pin RELEASE --next-boot',
    )
  if (starter === undefined || starter.kind === 'grub') {
    if ((await host.read('/boot/grub/grub.cfg')) !== undefined) return grubControl(host)
    if (starter !== undefined)
      throw unsuitable(`${starter.name} started this machine, and /boot/grub/grub.cfg does not exist`)
  }
  const folder = await host.run(['bootctl', '--print-boot-path']).catch(() => undefined)
  if (folder !== undefined) return systemdBootControl(host, folder.stdout.trim())
  throw unsuitable('the boot loader is neither GRUB nor systemd-boot')
}

function unsuitable(
  message: string,
  help = 'install the package by hand, keep the running kernel as the default, and choose the new one at the console',
): UserError {
  return new UserError(message, {exit: Exit.unsuitable, code: 'no-boot-loader', help})
}
