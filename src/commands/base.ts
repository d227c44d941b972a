// SPDX-License-Identifier: MIT
import {stat} from 'node:fs/promises'
import {Args, Command, Flags} from '@oclif/core'
import {captured} from '../host/captured.ts'
import type {Host, HostView, Live} from '../host/host.ts'
import {localHost} from '../host/local.ts'
import {errnoOf, UserError} from '../lib/errors.ts'
import {jsonText} from '../lib/visible.ts'
import {CpuSet} from '../model/cpuset.ts'
import {page} from '../report/colour.ts'
import {reportFailure} from '../ui/failure.ts'
import {neverAwaitTerminal} from '../ui/output.ts'

/** A flag whose value is a cpulist. Gives a CpuSet. */
export const cpulist = Flags.custom<CpuSet>({
  helpValue: '<cpulist>',
  parse: async (text) => {
    try {
      return CpuSet.parse(text)
    } catch (cause) {
      throw new UserError((cause as Error).message, {help: 'a cpulist looks like 2-5,8', cause})
    }
  },
  defaultHelp: async ({options}) => String(options.default ?? ''),
})

/** The largest process id of Linux (include/linux/threads.h: PID_MAX_LIMIT). */
const LARGEST_PID = 2 ** 22

/** An argument that is a process id. */
export const processId = Args.custom<number>({
  parse: async (text) => {
    const pid = /^\d{1,7}$/.test(text) ? Number(text) : 0
    if (pid < 1 || pid > LARGEST_PID)
      throw new UserError(`not a process id: "${text}"`, {help: 'isolctl status lists the isolated threads'})
    return pid
  },
})

/** 30 days: no 32-bit counter of a tick at 1000 Hz wraps in that time, and no date overflows. */
const LONGEST_MS = 30 * 24 * 3_600_000

const UNIT_MS = {ms: 1, s: 1000, m: 60_000, h: 3_600_000} as const

/** A flag whose value is a time, such as "500ms", "10s" or "2m". Gives whole milliseconds, at least 1. */
export const duration = Flags.custom<number>({
  helpValue: '<time>',
  parse: async (text) => {
    const match = /^(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h)$/.exec(text)
    if (!match) throw new UserError(`not a time: "${text}"`, {help: 'a time looks like 500ms, 10s or 2m'})
    const ms = Math.round(Number(match[1]) * UNIT_MS[match[2] as keyof typeof UNIT_MS])
    if (ms < 1 || ms > LONGEST_MS)
      throw new UserError(`a time of ${text} is out of range`, {help: 'give 1ms to 720h, which is 30 days'})
    return ms
  },
})

/** A captured machine that is not there must not be read as one on which every file is missing. */
async function existing(path: string): Promise<string> {
  const help = 'give a directory with the sys/ and proc/ of a Linux machine, or an archive of isolctl capture'
  const found = path === '' ? 'ENOENT' : await stat(path).catch((error: unknown) => errnoOf(error) ?? 'EIO')
  if (typeof found === 'string') throw new UserError(`cannot read "${path}": ${found}`, {code: found, help})
  if (found.isDirectory() || found.isFile()) return path
  throw new UserError(`"${path}" is neither a directory nor an archive`, {code: 'ENOTDIR', help})
}

interface Quiet {
  readonly quiet?: boolean | undefined
}

export abstract class IsolCommand extends Command {
  static override enableJsonFlag = true
  static override baseFlags = {
    config: Flags.file({
      description: 'the config file to use',
      default: '/etc/isolctl/config.yaml',
      env: 'ISOLCTL_CONFIG',
      helpGroup: 'GLOBAL',
    }),
    root: Flags.directory({
      description: 'read a captured machine: a directory, or an archive that isolctl capture wrote',
      helpGroup: 'GLOBAL',
      parse: existing,
    }),
    quiet: Flags.boolean({
      char: 'q',
      description: 'print only what failed or is unknown',
      helpGroup: 'GLOBAL',
    }),
    verbose: Flags.boolean({
      char: 'v',
      description: 'print every result, finding and evidence',
      helpGroup: 'GLOBAL',
    }),
  }

  /**
   * Print what was done or found: lines, in which foreign text is made visible. --quiet leaves out
   * what neither failed nor is unknown, and --json prints the report instead.
   */
  protected print(lines: string, {quiet}: Quiet): void {
    if (quiet !== true) this.log(lines)
  }

  /** The same for text that is ready for the terminal: see `page` in src/report/colour.ts. */
  protected show(page: string, {quiet}: Quiet): void {
    if (quiet !== true && !this.jsonEnabled()) process.stdout.write(page)
  }

  /** The machine to read: this one, or the captured one that --root names. */
  protected view(root: string | undefined): HostView {
    return root === undefined ? localHost() : captured(root)
  }

  /**
   * The machine to change, which is always this one. A terminal cannot stop that work from now on.
   * Throws UserError if --root was given.
   */
  protected machine(root: string | undefined): Host & {readonly live: Live} {
    if (root !== undefined)
      throw new UserError(`${this.id} changes the machine, and a captured one cannot be changed`, {
        help: 'leave out --root, or look with: isolctl plan --root DIR',
      })
    neverAwaitTerminal()
    return localHost()
  }

  /** Prints lines on stdout. Foreign text in them is made visible here. */
  override log(message = ''): void {
    if (!this.jsonEnabled()) process.stdout.write(page(message.split('\n')))
  }

  /** The same on stderr. */
  override logToStderr(message = ''): void {
    if (!this.jsonEnabled()) process.stderr.write(page(message.split('\n')))
  }

  override logJson(json: unknown): void {
    if (json !== undefined) process.stdout.write(`${jsonText(json, 2)}\n`)
  }

  protected override async catch(error: Error): Promise<void> {
    reportFailure(error, {
      json: this.jsonEnabled(),
      verbose: this.argv.includes('--verbose'),
      command: this.id?.replaceAll(':', ' ') ?? '',
    })
  }
}
