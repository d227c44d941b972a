// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {isTooOld, OLDEST_KERNEL} from '../boot/kernel-rules.ts'
import {type Kernel, parseKernel} from '../facts/kernel.ts'
import {errnoOf, UserError} from '../lib/errors.ts'
import {Exit} from '../lib/exit.ts'
import {readRegular} from '../lib/files.ts'
import {lintBoot} from '../lint/lint.ts'
import {page, paintWith} from '../report/colour.ts'
import {lintReport, renderLint} from '../report/lint.ts'
import {exitCode} from '../report/verdict.ts'
import type {LintReport} from '../schema/lint.ts'
import {columns} from '../ui/terminal.ts'
import {cpulist, IsolCommand} from './base.ts'

/** The kernel's own limit is 4 KiB at most (COMMAND_LINE_SIZE); 64 KiB shows what is cut off. */
const CMDLINE_LIMIT = 64 * 1024

async function standardInput(): Promise<string> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk
    if (text.length > CMDLINE_LIMIT)
      throw new UserError('standard input is longer than any boot arguments', {exit: Exit.unsuitable})
  }
  return text
}

export default class Lint extends IsolCommand {
  static override summary = "Judge boot arguments without a machine, by the kernel's own rules."
  static override description =
    'Prints how a kernel would read the arguments, and names those that it would drop or read in another way.'
  static override examples = [
    '<%= config.bin %> lint --cmdline /proc/cmdline --cpus 8 --kernel 6.12',
    'echo nohz_full=2-9 isolcpus=managedirq,2-9 | <%= config.bin %> lint --cmdline - --cpus 8 --kernel 6.12 --isolated 2-7',
  ]
  static override flags = {
    cmdline: Flags.string({
      description: 'the file with the boot arguments, as in /proc/cmdline; - is standard input',
      required: true,
      helpValue: '<file>',
    }),
    cpus: Flags.integer({
      description: 'the number of CPUs of the machine',
      required: true,
      min: 1,
      max: 8192,
    }),
    kernel: Flags.string({
      description: 'the Linux version of the machine',
      required: true,
      helpValue: '<version>',
    }),
    isolated: cpulist({
      description: 'CPUs that are to be isolated; default: those that the arguments isolate',
    }),
    strict: Flags.boolean({description: 'count warnings as failures'}),
  }

  async run(): Promise<LintReport> {
    const {flags} = await this.parse(Lint)
    if (flags.root !== undefined)
      throw new UserError('lint reads no machine and has no --root', {
        help: 'isolctl preflight --root DIR judges a captured machine',
      })
    const boot = {
      text: await input(flags.cmdline),
      cpus: flags.cpus,
      kernel: version(flags.kernel),
      isolated: flags.isolated,
    }
    const linted = await lintBoot(boot)
    const report = lintReport(boot, linted)
    const lines = renderLint(report, linted, {
      ...flags,
      paint: paintWith,
      width: Math.min(columns(), 120),
    })
    this.show(page([...lines]), {})
    process.exitCode = exitCode(linted.results, flags)
    return report
  }
}

async function input(file: string): Promise<string> {
  const text =
    file === '-'
      ? await standardInput()
      : await readRegular(file, {limit: CMDLINE_LIMIT}).catch((cause: unknown) => {
          throw new UserError(`cannot read ${file}: ${errnoOf(cause) ?? 'EIO'}`, {
            exit: Exit.unsuitable,
            cause,
          })
        })
  if (text.trim() === '')
    throw new UserError(`no boot arguments in ${file === '-' ? 'standard input' : file}`, {
      help: 'pass the arguments of this boot: isolctl lint --cmdline /proc/cmdline',
    })
  return text
}

function version(text: string): Kernel {
  const kernel = parsedVersion(text)
  if (isTooOld(kernel))
    throw new UserError(`it is not known how Linux ${kernel.release} reads its boot arguments`, {
      help: `isolctl knows the rules from Linux ${OLDEST_KERNEL.release} on`,
      exit: Exit.unsuitable,
    })
  return kernel
}

function parsedVersion(text: string): Kernel {
  try {
    return parseKernel(text)
  } catch (cause) {
    throw new UserError((cause as Error).message, {
      help: 'a version looks like 6.12 or 6.1.0-28-amd64',
      cause,
    })
  }
}
