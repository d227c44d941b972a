// SPDX-License-Identifier: MIT
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'

/**
 * What isolctl does with a boot loader. Every method can be repeated, and reads back what it wrote.
 */
export interface BootControl {
  readonly name: 'GRUB' | 'systemd-boot'
  /** The directories that isolctl writes to. */
  readonly folders: readonly string[]
  /**
   * Throws UserError (exit 69) if the loader cannot clear a one-shot boot, so that it would repeat.
   */
  requireOneShot(): Promise<void>
  /**
   * Throws UserError (exit 69) if the loader has no entry for this kernel that can be the default.
   */
  requireEntry(release: string): Promise<void>
  /** The release that boots by default; undefined if it is unknown. */
  defaultRelease(): Promise<string | undefined>
  /** Make this kernel the default. Throws UserError (exit 69) if the loader has no entry for it. */
  pin(release: string): Promise<void>
  /** Leave the default to the rules of the loader. */
  unpin(): Promise<void>
  /**
   * Write an entry for a kernel: that of `like` with more boot arguments. It does not become the
   * default.
   */
  writeTrial(release: string, like: string, more: readonly string[]): Promise<void>
  dropTrial(): Promise<void>
  /** Boot the trial entry once, at the next restart. */
  arm(): Promise<void>
  disarm(): Promise<void>
  armed(): Promise<boolean>
}

export const TRIAL = 'isolctl-trial'

export function noEntry(loader: string, release: string): UserError {
  return new UserError(`${loader} has no entry for ${release}`, {
    exit: Exit.unsuitable,
    code: 'no-boot-entry',
    help: 'check that it is installed in /boot, and generate the entries again (update-grub, or kernel-install)',
  })
}

export function notInForce(what: string, found: string | undefined): UserError {
  return new UserError(`${what}, but reads back as ${found === undefined ? 'nothing' : `"${found}"`}`, {
    exit: Exit.unsuitable,
    code: 'boot-loader',
    help: 'another program writes there too: look at /etc/default/grub.d and /etc/grub.d, or at bootctl status',
  })
}
