// SPDX-License-Identifier: MIT

import {execa} from 'execa'

/**
 * The first QEMU that emulates several CPUs on several threads without a fault. Older ones may run
 * an instruction that a kernel has replaced in its own text (a stray INT3, or the code of a static
 * branch before it was switched): the emulated machine panics or hangs, with any kernel.
 */
const SOUND = {major: 8, minor: 1}

/** Whether this QEMU may emulate several CPUs at once; false if it does not say its version. */
export async function emulatesAtOnce(qemu: string): Promise<boolean> {
  const {stdout} = await execa(qemu, ['--version'], {stdin: 'ignore', reject: false})
  return isSound(stdout ?? '')
}

/** @param text What `qemu --version` prints. */
export function isSound(text: string): boolean {
  const [, major, minor] = /^QEMU emulator version (\d+)\.(\d+)/.exec(text) ?? []
  if (major === undefined) return false
  return Number(major) > SOUND.major || (Number(major) === SOUND.major && Number(minor) >= SOUND.minor)
}
