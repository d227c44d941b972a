// SPDX-License-Identifier: MIT
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'

/** What is asked of a boot loader. Everything may be repeated, and is read back before it resolves. */
export interface BootControl {
  readonly name: 'GRUB' | 'systemd-boot'
  /** The directories that we write to. */
  readonly folders: readonly string[]
  /** Throws UserError where a boot that is meant to happen once would happen again and again. */
  requireOneShot(): Promise<void>
  /** Throws UserError when the loader has no entry for this kernel that could be pinned. */
  requireEntry(release: string): Promise<void>
  /** The release that boots when nobody interferes; undefined when that cannot be told. */
  defaultRelease(): Promise<string | undefined>
  /** Make this kernel the default. Throws UserError when the loader has no entry for it. */
  pin(release: string): Promise<void>
  /** Leave the choice to the loader's own rules again. */
  unpin(): Promise<void>
  /** An entry for a kernel, as `like` is booted, with more arguments: there, but not chosen. */
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
    help: 'is it installed in /boot, and were the entries generated since?',
  })
}

export function notInForce(what: string, found: string | undefined): UserError {
  return new UserError(`${what}, and reads back as ${found === undefined ? 'nothing' : `"${found}"`}`, {
    exit: Exit.unsuitable,
    code: 'boot-loader',
    help: 'something else writes there too; look at /etc/default/grub.d and /etc/grub.d, or at bootctl status',
  })
}
