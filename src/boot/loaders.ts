// SPDX-License-Identifier: MIT
import {type BlsState, configuredBls} from './bls.ts'
import {type GrubState, ordinaryEntries, parseGrubCfg} from './grub.ts'
import {configuredSystemdBoot, type SystemdBootState} from './systemd-boot.ts'

/** What starts this machine, with all that its arguments depend on. */
export type BootLoader =
  | {readonly kind: 'grub'; readonly state: GrubState}
  | {readonly kind: 'grub-bls'; readonly state: BlsState}
  | {readonly kind: 'systemd-boot'; readonly state: SystemdBootState}
  /** One whose configuration is somebody else's to write; `add` is what to do about these arguments. */
  | {readonly kind: 'other'; readonly name: string; add(words: string): string}
  | {readonly kind: 'none'}

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
