// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {execa} from 'execa'
import type {Workshop} from './workshop.ts'

/**
 * The objects that every entry into the kernel and every exit runs through on x86-64, and those
 * that the series changes near them.
 */
const OBJECTS = [
  'arch/x86/entry/common.o',
  'arch/x86/entry/entry_64.o',
  'arch/x86/entry/entry_64_compat.o',
  'arch/x86/kernel/irq.o',
  'arch/x86/kernel/nmi.o',
  'arch/x86/kernel/signal.o',
  'arch/x86/kernel/smp.o',
  'arch/x86/kernel/traps.o',
  'arch/x86/mm/fault.o',
  'fs/exec.o',
  'kernel/context_tracking.o',
  'kernel/entry/common.o',
  'kernel/exit.o',
  'kernel/fork.o',
  'kernel/sched/core.o',
  'kernel/signal.o',
  'kernel/time/tick-sched.o',
  'mm/memory.o',
  'mm/swap.o',
]

/** The instructions and relocations of each of these objects, as the disassembler prints them. */
export async function entryCode(workshop: Workshop, objects: string): Promise<ReadonlyMap<string, string>> {
  await workshop.make(objects, ['prepare'])
  await workshop.make(objects, OBJECTS)
  return new Map(
    await Promise.all(
      OBJECTS.map(async (name) => {
        const {stdout} = await execa('objdump', ['--disassemble', '--reloc', join(objects, name)])
        return [name, stdout.replace(/^.*file format.*$/m, '')] as const
      }),
    ),
  )
}

/** The objects that differ. */
export function differences(
  a: ReadonlyMap<string, string>,
  b: ReadonlyMap<string, string>,
): readonly string[] {
  return [...a.keys()].filter((name) => a.get(name) !== b.get(name))
}
