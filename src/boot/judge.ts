// SPDX-License-Identifier: MIT
import {parseCmdline} from './cmdline.ts'
import {commandLineLimit, SMALLEST_COMMAND_LINE_LIMIT} from './command-line-limit.ts'
import {type BootCpus, type Isolation, isolationOf} from './isolation.ts'
import {sameWord} from './words.ts'

/**
 * Why a kernel that is booted with this line would not do what these words ask for; undefined: it
 * would. The kernel truncates a line that is too long, and drops arguments that it cannot parse or
 * that repeat an earlier one, in both cases without an error. Pure.
 */
export function objection(
  line: string,
  words: readonly string[],
  {cpus, machine}: {readonly cpus: BootCpus; readonly machine?: string | undefined},
): string | undefined {
  const limit = commandLineLimit(machine) ?? SMALLEST_COMMAND_LINE_LIMIT
  const length = Buffer.byteLength(line)
  if (length >= limit)
    return `the command line would have ${length} bytes, and the kernel truncates it to ${limit - 1}`
  const {args} = parseCmdline(line)
  const lost = words.find((word) => !args.some(({text}) => sameWord(text, word)))
  if (lost !== undefined) return `${lost} would not reach the kernel: the line is ${line}`
  const [got, meant] = [isolationOf(line, cpus), isolationOf(words.join(' '), cpus)]
  const [refusal] = [...meant.refused, ...got.refused]
  if (refusal !== undefined) return `the kernel would drop ${refusal.text}: ${refusal.reason}`
  return sameIsolation(got, meant) ? undefined : `other arguments on the line change what these mean: ${line}`
}

/** Whether two command lines have the same effect on the CPUs. Pure. */
export function sameIsolation(a: Isolation, b: Isolation): boolean {
  return (
    a.domain.equals(b.domain) &&
    a.managedIrq.equals(b.managedIrq) &&
    a.nohzFull.equals(b.nohzFull) &&
    a.unbound.equals(b.unbound) &&
    a.rcuNocbs.equals(b.rcuNocbs) &&
    (a.irqDefault === undefined) === (b.irqDefault === undefined) &&
    (a.irqDefault === undefined || b.irqDefault === undefined || a.irqDefault.equals(b.irqDefault))
  )
}
