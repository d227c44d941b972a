// SPDX-License-Identifier: MIT
import type {Get} from '../facts/fact.ts'
import {topology} from '../facts/topology.ts'
import {UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import type {Cpu} from '../model/topology.ts'

/** The CPUs of the machine. Throws UserError (exit 69) where none can be read. */
export async function machineCpus(get: Get): Promise<readonly Cpu[]> {
  return await get(topology).catch((cause: Error) => {
    if (cause instanceof UserError) throw cause // an archive that cannot be read
    throw new UserError(`cannot read the CPUs of the machine: ${cause.message}`, {
      exit: Exit.unsuitable,
      help: 'with --root, give a directory with the sys/ and proc/ of a Linux machine',
      cause,
    })
  })
}
