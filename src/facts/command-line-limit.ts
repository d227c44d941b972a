// SPDX-License-Identifier: MIT
import {COMMAND_LINE_LIMITS, commandLineLimit} from '../boot/command-line-limit.ts'
import {defineFact} from './fact.ts'
import {cpuFlags, machine} from './platform.ts'

/**
 * Bytes of command line that the running kernel keeps, the final NUL included. Kernels before 6.1 do not say what
 * machine they run on; of these, x86 is known by the "flags" of /proc/cpuinfo. Rejects where neither says it.
 */
export const commandLineSize = defineFact<number>('command-line-size', async (_host, get) => {
  const name = await get(machine).catch(() => undefined)
  if (name === undefined) {
    await get(cpuFlags)
    return COMMAND_LINE_LIMITS.x86_64
  }
  const limit = commandLineLimit(name)
  if (limit === undefined) throw new Error(`the command line limit of ${name} is not known`)
  return limit
})
