// SPDX-License-Identifier: MIT
import {basename} from 'node:path'
import {Flags} from '@oclif/core'
import {cutArguments, shellLine} from '../launch/arguments.ts'
import {become} from '../launch/become.ts'
import {parseEnter, parseSettleTimeout} from '../launch/enter.ts'
import {describeLaunch, prepareLaunch} from '../launch/launch.ts'
import {LOCKS} from '../launch/lock.ts'
import {NUMA} from '../launch/numa.ts'
import {parseOnBreak} from '../launch/on-break.ts'
import {asset} from '../lib/assets.ts'
import {parsePolicy} from '../model/policy.ts'
import {badUsage} from '../ui/bad-usage.ts'
import {cpulist, IsolCommand} from './base.ts'

export default class Launch extends IsolCommand {
  static override summary = 'Run a program under hard isolation, and report what broke it.'
  static override description =
    `The program replaces this process: it has the same pid, the same standard streams, and its own exit status.
With one CPU, the program starts there. With several, it starts on the housekeeping CPUs, and each of its workers moves to
one isolated CPU (isolctl_bind() of isolctl.h, or sched_setaffinity). A small reporter on a housekeeping CPU prints on
stderr what broke isolation. It ends with the program, and with the processes that the program started.`
  static override usage = 'launch [OPTIONS] -- PROGRAM [ARG...]'
  static override examples = [
    '<%= config.bin %> launch --cpus 2-3 -- dpdk-testpmd -l 1,2,3 --no-huge --no-pci --vdev=net_null0 --vdev=net_null1',
    '<%= config.bin %> launch --cpus 3 --enter app -- dist/libexec/samples/poller 5',
    '<%= config.bin %> launch --cpus 2-3 --enter app --on-break signal=SIGUSR1 --policy fifo:1 -- ./feed-handler',
    "<%= config.bin %> launch --cpus 2-3 -- sh -c 'numactl --physcpubind=2 ./feed-handler; echo ended'",
    '<%= config.bin %> launch --cpus 2-3 --on-break report --explain-breaks -- ./feed-handler',
    '<%= config.bin %> launch --cpus 2-3 --runtime-hints -- ./feed-handler-in-go',
    '<%= config.bin %> launch --cpus 2-5 --on-break rearm --status-file /run/feed.json --notify -- ./feed-handler',
  ]
  static override flags = {
    cpus: cpulist({
      description: 'isolated CPUs to use; default: those of the config, or of the boot arguments',
    }),
    enter: Flags.string({
      description:
        'how threads become isolated: with settle, launch makes a thread enter when it has polled for TIME without a ' +
        'system call; with app, the program calls isolctl_enter() of isolctl.h',
      helpValue: 'app|settle[=TIME]',
      default: 'settle=100ms',
    }),
    'settle-timeout': Flags.string({
      description:
        'how long a thread that has settled waits until the rest of the program is at rest, before it is isolated all the same',
      helpValue: 'TIME',
      default: '10s',
    }),
    'on-break': Flags.string({
      description:
        'what happens when a thread loses isolation: kill, signal=SIG, report (it continues), or rearm (it enters again)',
      helpValue: 'ACTION',
      default: 'kill',
    }),
    'end-grace': Flags.string({
      description:
        'how long a thread that leaves its loop has to end before this is a break; 0: none; default: 5s with --on-break kill',
      helpValue: 'TIME',
    }),
    policy: Flags.string({
      description: 'scheduling policy: other, or fifo:PRIO',
      helpValue: 'other|fifo:PRIO',
    }),
    soft: Flags.boolean({description: 'run without hard isolation if the kernel does not support it'}),
    force: Flags.boolean({
      description: 'launch although a check found something that will soon break isolation',
    }),
    'allow-guest': Flags.boolean({
      description: 'launch in a virtual machine, although its host can interrupt it without a report',
    }),
    'status-file': Flags.string({
      description:
        'write the report to this file as JSON, every second, when all workers are isolated, and at the end',
      helpValue: 'FILE',
    }),
    notify: Flags.boolean({
      description: 'report to systemd (Type=notify) that the unit is ready when all workers are isolated',
    }),
    follow: Flags.boolean({
      description:
        'isolate the threads of processes that the program starts as well; --no-follow: only those of the program itself',
      allowNo: true,
      default: true,
    }),
    workers: Flags.integer({
      description: 'the number of isolated threads of the program; default: one for each CPU',
      helpValue: 'N',
      min: 1,
      max: 1024, // THREADS_MAX of native/launch/settle.h
    }),
    numa: Flags.option({
      options: NUMA,
      description:
        'take memory from the NUMA nodes of the CPUs: preferably (local), only (bind), or from any node (none)',
      default: 'local',
    })(),
    lock: Flags.option({
      options: LOCKS,
      description:
        'with --enter settle, lock no memory of the program (none), what is resident (resident), or all that is mapped, ' +
        'which makes it present (all)',
      default: 'none',
    })(),
    'explain-breaks': Flags.boolean({
      description:
        'when a system call ends isolation, trace the thread until it makes this call again, for at most a second, ' +
        'and print the functions on its stack',
    }),
    'runtime-hints': Flags.boolean({
      description:
        'recognize the language runtime and the allocator of the program, and set the variables with which its threads ' +
        'stay in user space (GODEBUG, JAVA_TOOL_OPTIONS, OMP_*, GLIBC_TUNABLES, MALLOC_CONF, TCMALLOC_*); a variable that ' +
        'is set stays as it is',
    }),
    'dry-run': Flags.boolean({char: 'n', description: 'print the command and execute nothing'}),
  }

  async run(): Promise<unknown> {
    if (!this.argv.includes('--')) await this.parse(LENIENT).catch(unlessOfTheProgram)
    const {own, program} = cutArguments(this.argv)
    const {flags} = await this.parse(Launch, [...own])
    const launch = await prepareLaunch(this.machine(flags.root), {
      ...flags,
      program,
      json: this.jsonEnabled(),
      policy: flags.policy === undefined ? undefined : parsePolicy(flags.policy),
      enter: parseEnter(flags.enter),
      settleTimeoutMs: parseSettleTimeout(flags['settle-timeout']),
      onBreak: parseOnBreak(flags['on-break']),
      verbose: flags.verbose,
      endGrace: flags['end-grace'],
      allowGuest: flags['allow-guest'],
      statusFile: flags['status-file'],
      workers: flags.workers,
      explainBreaks: flags['explain-breaks'],
      runtimeHints: flags['runtime-hints'],
    })
    const shim = asset('libexec/isol-exec')
    const note = (text: string) => {
      if (!flags.quiet) this.logToStderr(`note: ${text}`)
    }
    launch.notes.forEach(note)
    if (!flags['dry-run']) return await become(shim, [basename(shim), ...launch.argv], note)
    const command = [shim, ...launch.argv]
    this.log(shellLine(command))
    return describeLaunch(launch, command)
  }
}

/**
 * Without "--", a misspelt flag of launch is named before the missing program. A flag that is not
 * like any of launch may be the program's: then the missing "--" is the error.
 */
function unlessOfTheProgram(error: unknown): void {
  const usage = badUsage(error, 'launch')
  if (usage?.code !== 'unknown-flag' || usage.help?.startsWith('did you mean')) throw error
}

/** The flags of launch, with words in between that may be the program. */
const LENIENT = {
  flags: Launch.flags,
  baseFlags: Launch.baseFlags,
  enableJsonFlag: Launch.enableJsonFlag,
  strict: false,
}
