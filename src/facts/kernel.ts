// SPDX-License-Identifier: MIT
import {defineFact, readText} from './fact.ts'

export interface Kernel {
  /** `uname -r`: "6.12.117-isol1". */
  readonly release: string
  readonly major: number
  readonly minor: number
}

/** From /proc/sys/kernel/osrelease, or the third word of /proc/version. */
export const kernel = defineFact<Kernel>('kernel', async (host) => {
  const release =
    (await readText(host, '/proc/sys/kernel/osrelease'))?.trim() ||
    (await readText(host, '/proc/version'))?.trim().split(/\s+/)[2]
  if (release === undefined) throw new Error('neither /proc/sys/kernel/osrelease nor /proc/version exists')
  return parseKernel(release)
})

/** Parse a kernel release. Throws Error. Pure. */
export function parseKernel(release: string): Kernel {
  const [, major, minor] = /^(\d{1,4})\.(\d{1,4})(?!\d)\S*$/.exec(release) ?? []
  if (major === undefined || minor === undefined) throw new Error(`not a kernel release: "${release}"`)
  return {release, major: Number(major), minor: Number(minor)}
}

/**
 * Whether a kernel has this version or a newer one. Distributions backport changes, so use it only
 * when there is no better sign. Pure.
 */
export function atLeast(kernel: Kernel, major: number, minor: number): boolean {
  return kernel.major > major || (kernel.major === major && kernel.minor >= minor)
}
