// SPDX-License-Identifier: MIT
import type {BootLoader} from '../../facts/boot-loader.ts'
import {configuredBls} from './bls.ts'
import {ordinaryEntries, parseGrubCfg} from './grub.ts'
import {configuredSystemdBoot} from './systemd-boot.ts'

/** The arguments that the next boot will be given as things stand; undefined where the boot loader does not tell. Pure. */
export function configuredLine(loader: BootLoader): string | undefined {
  switch (loader.kind) {
    case 'grub':
      return ordinaryEntries(parseGrubCfg(loader.state.cfg.text))[0]?.args.join(' ')
    case 'grub-bls':
      return configuredBls(loader.state)
    case 'systemd-boot':
      return configuredSystemdBoot(loader.state)
    default:
      return undefined
  }
}
