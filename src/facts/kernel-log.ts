// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'

/** Where a captured machine keeps its kernel log. */
const CAPTURED = '/var/log/dmesg'

/**
 * What the kernel said since boot, without time stamps. Throws when the start of the log is gone: the messages about
 * boot arguments are among the first.
 */
export const kernelLog = defineFact<string>('kernel-log', async (host) => {
  const text = host.live ? await host.live.kernelLog() : await host.read(CAPTURED)
  if (text === undefined) throw new Error(`${CAPTURED} does not exist`)
  const plain = text.replaceAll(/^(<\d+>)?\[\s*\d+\.\d+\]\s/gm, '')
  if (!/^(Linux version |Command line: |Kernel command line: )/m.test(plain))
    throw new Error('the start of the kernel log has been overwritten')
  return plain
})
