// SPDX-License-Identifier: MIT
import {tellsAbsence} from '../host/host.ts'
import {defineFact, readInteger} from './fact.ts'

const FOLDER = '/sys/devices/system/machinecheck/machinecheck0'
/** The kernel keeps one value for all CPUs; the file of any CPU changes it. */
export const MACHINE_CHECK_INTERVAL = `${FOLDER}/check_interval`

/**
 * Seconds between two polls for corrected machine checks, 0 when polling is off
 * (arch/x86/kernel/cpu/mce/core.c); undefined when the machine has no machine checks, as many
 * virtual machines.
 */
export const machineCheckPoll = defineFact<number | undefined>('machine-check-poll', async (host) => {
  if ((await host.list('/sys/devices/system/cpu')).length === 0)
    throw new Error('/sys/devices/system/cpu does not exist')
  const names = await host.list(FOLDER)
  if (names.length === 0 && !tellsAbsence(host)) throw new Error(`${FOLDER} was not captured`)
  if (names.length === 0) return undefined
  // A decimal number, although old kernel documentation describes it as hex.
  const interval = await readInteger(host, MACHINE_CHECK_INTERVAL)
  // Older than the files of this folder that every kernel has (Linux 2.6.32).
  const ignored =
    names.includes('ignore_ce') && (await readInteger(host, `${FOLDER}/ignore_ce`, {most: 1})) === 1
  return ignored ? 0 : interval
})
