// SPDX-License-Identifier: MIT
import {type BlsState, configuredBls} from './bls.ts'
import {type GrubState, ordinaryEntries, parseGrubCfg} from './grub.ts'
import type {Owner} from './owners.ts'
import {configuredProxmox, type ProxmoxState} from './proxmox.ts'
import {configuredSystemdBoot, type SystemdBootState} from './systemd-boot.ts'

/** The boot loader of this machine, with everything that its arguments depend on. */
export type BootLoader =
  | {readonly kind: 'grub'; readonly state: GrubState}
  | {readonly kind: 'grub-bls'; readonly state: BlsState}
  | {readonly kind: 'systemd-boot'; readonly state: SystemdBootState}
  | {readonly kind: 'proxmox'; readonly state: ProxmoxState}
  /** A boot loader that isolctl does not configure. */
  | ({readonly kind: 'other'} & Owner)
  | {readonly kind: 'none'}

/**
 * The arguments of the next boot without any change; undefined when the boot loader does not show
 * them. Pure.
 */
export function configuredLine(loader: BootLoader): string | undefined {
  switch (loader.kind) {
    case 'grub':
      return ordinaryEntries(parseGrubCfg(loader.state.cfg.text))[0]?.args.join(' ')
    case 'grub-bls':
      return configuredBls(loader.state)
    case 'systemd-boot':
      return configuredSystemdBoot(loader.state)
    case 'proxmox':
      return configuredProxmox(loader.state)
    default:
      return undefined
  }
}
