// SPDX-License-Identifier: MIT
import {describe, expect, it, test} from 'vitest'
import {type Fact, gatherer} from '../../src/facts/fact.ts'
import {cpuQuota, cpusetCpus, privileges} from '../../src/facts/process.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {choose} from '../../src/launch/choose.ts'
import type {Complaint, LaunchConditions} from '../../src/launch/conditions.ts'
import {parseEnter, parseSettleTimeout} from '../../src/launch/enter.ts'
import {gate} from '../../src/launch/gate.ts'
import {prepareLaunch} from '../../src/launch/launch.ts'
import {parseNofile, startingNofile} from '../../src/launch/limits.ts'
import {memoryPolicy} from '../../src/launch/numa.ts'
import {endGrace, isolationFlags, parseOnBreak} from '../../src/launch/on-break.ts'
import {CpuSet} from '../../src/model/cpuset.ts'

const set = (text: string) => CpuSet.parse(text)

describe('the choice of CPUs', () => {
  it('keeps the rest of the job off other isolated CPUs', () => {
    const target = {isolated: set('2'), housekeeping: set('0-1,3-5')}
    expect(`${choose({target, setApart: set('2-5')}).housekeeping}`).toBe('0-1')
  })
  it('refuses when no housekeeping CPU remains', () => {
    const target = {isolated: set('1'), housekeeping: set('0,2')}
    expect(() => choose({target, setApart: set('0-2')})).toThrow('isolating 1 leaves no housekeeping CPU')
  })
})

describe('the gate', () => {
  const user = {ipcLock: false, sysPtrace: false, sysNice: false, memlock: 8 << 20, rtprio: 0}
  const good: LaunchConditions = {
    architecture: 'x64',
    eligible: set('2-3'),
    guest: undefined,
    clocksource: 'tsc',
    privileges: {...user, ipcLock: true, sysPtrace: true, sysNice: true},
    cpuset: undefined,
    quota: undefined,
    ptraceScope: 1,
    pinned: [],
  }
  const strict = {
    cpus: set('3'),
    enter: {kind: 'settle', ms: 100},
    policy: {kind: 'other'},
    lock: 'all',
    soft: false,
    force: false,
    allowGuest: false,
  } as const
  const everything = {soft: true, force: true, allowGuest: true}
  const quota = {cgroup: '/slow.slice', quotaUs: 20_000, periodUs: 100_000}

  it('has no notes on a good machine', () => {
    expect(gate(good, [], strict)).toEqual([])
  })
  test.for([
    ['no-task-isolation', {eligible: undefined}, 'soft', 'this kernel has no task isolation'],
    [
      'not-eligible',
      {eligible: set('2')},
      'soft',
      'CPU 3 cannot be isolated: the kernel was booted to isolate 2',
    ],
    ['not-eligible', {eligible: CpuSet.empty}, 'soft', 'the kernel was booted to isolate none'],
    ['guest', {guest: 'a flag'}, 'allowGuest', 'this is a virtual machine (a flag)'],
    ['clocksource', {clocksource: 'hpet'}, 'force', 'the clock source is hpet'],
    ['clocksource', {clocksource: undefined}, 'force', 'the clock source is unknown'],
    ['cpu-quota', {quota}, 'force', 'cgroup /slow.slice limits CPU time to 20000 of every 100000 us'],
    [
      'cpu-taken',
      {
        pinned: [
          {pid: 70, tid: 77, name: 'poller', cpus: set('3')},
          {pid: 70, tid: 78, name: 'poller', cpus: set('3')},
        ],
      },
      'force',
      'CPU 3 is in use: poller[77] may run nowhere else, and 1 more',
    ],
    ['memlock', {privileges: user}, 'force', 'only 8192 KiB of memory may be locked (RLIMIT_MEMLOCK)'],
  ] as const)('refuses for %s %j unless %s', ([code, conditions, override, message]) => {
    const refuse = () => gate({...good, ...conditions}, [], strict)
    expect(refuse).toThrow(expect.objectContaining({code, exit: 69}))
    expect(refuse).toThrow(message)
    const others = {...strict, ...everything, [override]: false}
    expect(() => gate({...good, ...conditions}, [], others)).toThrow(message)
    expect(gate({...good, ...conditions}, [], {...strict, [override]: true})).toEqual([
      expect.stringContaining(message),
    ])
  })
  it('advises to end the process of a thread that is bound to the CPU, not the thread', () => {
    const pinned = [{pid: 70, tid: 77, name: 'poller', cpus: set('3')}]
    expect(() => gate({...good, pinned}, [], strict)).toThrow(
      expect.objectContaining({help: expect.stringContaining('or end it: isolctl stop 70;')}),
    )
  })
  test.for([
    ['architecture', {architecture: 'arm64'}, {}, 'supports x86-64 only'],
    ['cpuset', {cpuset: set('0-2')}, {}, 'may not use CPU 3 (cpuset.cpus.effective: 0-2)'],
    ['rtprio', {privileges: user}, {policy: {kind: 'fifo', priority: 5}}, 'real-time priority 5'],
    ['ptrace', {ptraceScope: 3}, {}, 'kernel.yama.ptrace_scope=3 forbids it'],
    ['ptrace', {ptraceScope: 2, privileges: {...user, memlock: Number.POSITIVE_INFINITY}}, {}, '=2 forbids'],
  ] as const)('refuses for %s %j with all options', ([code, conditions, options, message]) => {
    for (const more of [{}, everything]) {
      const refuse = () => gate({...good, ...conditions}, [], {...strict, ...options, ...more})
      expect(refuse).toThrow(expect.objectContaining({code, exit: 69}))
      expect(refuse).toThrow(message)
    }
  })
  it('ignores conditions that do not matter for the request', () => {
    const app = {...strict, enter: {kind: 'app'}} as const
    expect(gate({...good, architecture: 'arm64', ptraceScope: 3}, [], app)).toEqual([])
    expect(gate({...good, quota}, [], {...strict, policy: {kind: 'fifo', priority: 1}})).toEqual([])
    expect(gate({...good, privileges: {...user, memlock: Number.POSITIVE_INFINITY}}, [], strict)).toEqual([])
    const none = {...strict, lock: 'none'} as const
    expect(gate({...good, privileges: user}, [], none)).toEqual([])
    // isolctl_enter() locks by itself
    expect(() => gate({...good, privileges: user}, [], {...none, enter: app.enter})).toThrow('may be locked')
  })
  it('refuses failures of preflight, and only notes unknown results', () => {
    const complaint: Complaint = {
      check: 'irq-affinity-effective',
      kind: 'fail',
      message: 'irq 4: delivered to CPU 3',
      help: 'isolctl apply --only irq-affinity',
    }
    const refuse = () => gate(good, [complaint], strict)
    expect(refuse).toThrow(
      expect.objectContaining({
        code: 'irq-affinity-effective',
        exit: 69,
        help: 'isolctl apply --only irq-affinity; or launch anyway: --force',
      }),
    )
    expect(gate(good, [complaint], {...strict, force: true})).toEqual([complaint.message])
    expect(gate(good, [{...complaint, kind: 'unknown'}], strict)).toEqual([complaint.message])
  })
  test.for([
    [{guest: {unknown: 'no flags'}}, 'cannot tell whether this is a virtual machine: no flags'],
    [{cpuset: {unknown: 'EACCES'}}, 'cannot tell which CPUs the cgroup allows: EACCES'],
    [{quota: {unknown: 'EACCES'}}, 'cannot tell whether a cgroup limits CPU time: EACCES'],
    [{privileges: {unknown: 'EACCES'}}, 'cannot tell what this process may do: EACCES'],
    [{pinned: {unknown: 'EACCES'}}, 'cannot tell which programs are bound to the CPUs: EACCES'],
  ] as const)('notes what is unknown: %j', ([conditions, note]) => {
    expect(gate({...good, ...conditions}, [], strict)).toEqual([note])
  })
})

describe('the privileges of this process', () => {
  const limits = (memlock: string, rtprio: string) =>
    `Limit                     Soft Limit           Hard Limit           Units\n` +
    `Max locked memory         ${memlock}              8388608              bytes\n` +
    `Max realtime priority     ${rtprio}                    0\n`
  const status = (caps: string) => `Name:\tnode\nCapEff:\t${caps}\n`
  const ask = <T>(fact: Fact<T>, files: Readonly<Record<string, string>>) =>
    gatherer(memoryHost({'/proc/self/status': status('0'), ...files}))(fact)

  it('are read from its limits and capabilities', async () => {
    const user = {
      '/proc/self/limits': limits('8388608', '0'),
      '/proc/self/status': status('0000000000000000'),
    }
    expect(await ask(privileges, user)).toEqual({
      ipcLock: false,
      sysPtrace: false,
      sysNice: false,
      memlock: 8388608,
      rtprio: 0,
    })
    const root = {
      '/proc/self/limits': limits('unlimited', '99'),
      '/proc/self/status': status('000001ffffffffff'),
    }
    expect(await ask(privileges, root)).toEqual({
      ipcLock: true,
      sysPtrace: true,
      sysNice: true,
      memlock: Number.POSITIVE_INFINITY,
      rtprio: 99,
    })
    await expect(ask(privileges, {'/proc/self/limits': ''})).rejects.toThrow('Max locked memory')
  })
  it('may be limited by an ancestor cgroup of either version', async () => {
    const v2 = {'/proc/self/cgroup': '0::/a/b\n', '/sys/fs/cgroup/a/b/cpu.max': 'max 100000\n'}
    expect(await ask(cpuQuota, v2)).toBeUndefined()
    expect(await ask(cpuQuota, {...v2, '/sys/fs/cgroup/a/cpu.max': '5000 100000\n'})).toEqual({
      cgroup: '/a',
      quotaUs: 5000,
      periodUs: 100000,
    })
    const v1 = {
      '/proc/self/cgroup': '4:cpu,cpuacct:/c\n0::/\n',
      '/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us': '2000\n',
      '/sys/fs/cgroup/cpu/c/cpu.cfs_period_us': '10000\n',
    }
    expect(await ask(cpuQuota, v1)).toEqual({cgroup: '/c', quotaUs: 2000, periodUs: 10000})
    expect(await ask(cpuQuota, {...v1, '/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us': '-1\n'})).toBeUndefined()
    expect(await ask(cpuQuota, {})).toBeUndefined()
  })
  it('may exclude CPUs by a cpuset', async () => {
    const files = {'/proc/self/cgroup': '0::/a/b\n', '/sys/fs/cgroup/a/cpuset.cpus.effective': '0-1\n'}
    expect(`${await ask(cpusetCpus, files)}`).toBe('0-1')
    expect(await ask(cpusetCpus, {})).toBeUndefined()
  })
})

describe('the memory policy', () => {
  const two = new Map([
    [0, set('0-3')],
    [1, set('4-7')],
  ])
  it('has the nodes of the isolated CPUs on a machine with several nodes', () => {
    expect(memoryPolicy('local', two, set('5'))).toEqual(['--memory=prefer:1'])
    expect(memoryPolicy('bind', two, set('3-4'))).toEqual(['--memory=bind:0,1'])
    expect(memoryPolicy('none', two, set('5'))).toEqual([])
    expect(memoryPolicy('local', new Map([[0, set('0-7')]]), set('5'))).toEqual([])
  })
})

describe('the break action', () => {
  test.for([
    ['kill', 0x1],
    ['report', 0x3],
    ['rearm', 0x3],
    ['signal=SIGUSR1', 0xa01],
    ['signal=usr1', 0xa01],
    ['signal=64', 0x4001],
  ] as const)('%s', ([text, flags]) => {
    expect(isolationFlags(parseOnBreak(text))).toBe(flags)
  })
  test.for(['', 'restart', 'signal', 'signal=', 'signal=SIGFOO', 'signal=0', 'signal=65', 'signal=toString'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseOnBreak(text)).toThrow(/not a break action|there is no signal/)
    },
  )
})

describe('the grace at the end', () => {
  test.for([
    ['kill', undefined, 5],
    ['kill', '0', 0],
    ['kill', '0s', 0],
    ['kill', '255s', 255],
    ['signal=USR1', undefined, 0],
    ['signal=USR1', '1s', 1],
    ['report', undefined, 0],
    ['rearm', '0', 0],
  ] as const)('%s %s', ([action, text, seconds]) => {
    expect(endGrace(text, parseOnBreak(action))).toBe(seconds)
  })
  test.for([
    ['kill', '5', 'not a grace: "5"'],
    ['kill', '256s', 'not a grace'],
    ['kill', '-1s', 'not a grace'],
    ['kill', '1.5s', 'not a grace'],
    ['kill', '', 'not a grace'],
    ['report', '5s', '--end-grace has no effect with --on-break report'],
  ] as const)('refuses %s %s', ([action, text, message]) => {
    expect(() => endGrace(text, parseOnBreak(action))).toThrow(message)
  })
})

describe('the way to enter', () => {
  test.for([
    ['app', {kind: 'app'}],
    ['settle', {kind: 'settle', ms: 100}],
    ['settle=250ms', {kind: 'settle', ms: 250}],
    ['settle=2s', {kind: 'settle', ms: 2000}],
  ] as const)('%s', ([text, enter]) => {
    expect(parseEnter(text)).toEqual(enter)
  })
  it('takes settle timeouts of 1 ms to an hour', () => {
    expect(['1ms', '10s', '3600s'].map(parseSettleTimeout)).toEqual([1, 10_000, 3_600_000])
    for (const text of ['', '0s', '10', '1m', '-1s', '3601s', '1e3s'])
      expect(() => parseSettleTimeout(text)).toThrow('not a settle timeout')
  })
  test.for(['', 'apps', 'settle=', 'settle=5', 'settle=0ms', 'settle=61s', 'settle=1m'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseEnter(text)).toThrow(/not a way to enter|out of range/)
    },
  )
})

describe('the limit of open files before Node.js raised it', () => {
  const line = (soft: string, hard: string) =>
    `Limit  Soft  Hard\nMax open files   ${soft}   ${hard}   files\n`
  it('is read from /proc/PID/limits', () => {
    expect(parseNofile(line('1024', '524288'))).toEqual({soft: 1024, hard: 524288})
    expect(parseNofile(line('unlimited', 'unlimited'))?.hard).toBe(Number.POSITIVE_INFINITY)
    expect(parseNofile('')).toBeUndefined()
  })
  test.for([
    ['the parent’s', {soft: 1024, hard: 20000}, 20000, 77, 1024],
    ['left alone when the parent has another hard limit', {soft: 1024, hard: 4096}, 20000, 77, undefined],
    ['left alone when the parent cannot be read', undefined, 20000, 77, undefined],
    ['the default below init, which raises its own', {soft: 1e6, hard: 1e6}, 524_288, 1, 1024],
    ['left alone below init when the unit set it', {soft: 1e6, hard: 1e6}, 65_536, 1, undefined],
  ] as const)('is %s', ([, parent, hard, pid, soft]) => {
    expect(startingNofile({soft: hard, hard}, parent, pid)).toBe(soft)
  })
})

describe('a launch', () => {
  const cpu = '/sys/devices/system/cpu'
  const machine = {
    [`${cpu}/online`]: '0-5\n',
    [`${cpu}/isolated`]: '2-5\n',
    [`${cpu}/nohz_full`]: '2-5\n',
    [`${cpu}/task_isolation`]: '2-5\n',
    '/proc/cpuinfo': 'flags\t\t: fpu tsc\n',
    '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc\n',
  }
  const options = {
    config: '/etc/isolctl/config.yaml',
    cpus: undefined,
    policy: undefined,
    enter: {kind: 'app'},
    onBreak: {kind: 'kill'},
    endGrace: undefined,
    soft: false,
    force: false,
    allowGuest: false,
    quiet: false,
    json: false,
    verbose: false,
    statusFile: undefined,
    numa: 'local',
    lock: 'none',
    settleTimeoutMs: 10_000,
    follow: true,
    notify: false,
    workers: undefined,
    runtimeHints: false,
    explainBreaks: false,
    program: ['./bench', '', '--cpus', 'a\nb', 'ü'],
  } as const
  const limit = /^--nofile=/

  it('becomes the arguments of isol-exec, with the program’s last and unchanged', async () => {
    const {argv, notes} = await prepareLaunch(memoryHost(machine), {...options, cpus: set('3')})
    // A machine of seven files: the notes are exactly about what is unknown.
    expect(notes.length).toBeGreaterThan(2)
    expect(notes.filter((note) => !note.startsWith('cannot tell'))).toEqual([])
    expect(argv.filter((word) => !limit.test(word))).toEqual([
      '--cpus=3',
      '--housekeeping=0-1',
      '--flags=0x1',
      '--end-grace=5',
      '--exclusive',
      '--',
      ...options.program,
    ])
  })
  it('gives the program what --runtime-hints finds, and says so', async () => {
    const {argv, notes} = await prepareLaunch(memoryHost(machine), {
      ...options,
      cpus: set('3'),
      runtimeHints: true,
      explainBreaks: true,
      program: [process.execPath],
    })
    const given = argv.flatMap((word) => /^--hex-env=(.*)$/.exec(word)?.[1] ?? [])
    const entries = given.map((hex) => Buffer.from(hex, 'hex').toString())
    expect(entries).toContainEqual(expect.stringMatching(/^GLIBC_TUNABLES=glibc\.malloc\.top_pad=67108864:/))
    expect(notes).toContainEqual(expect.stringMatching(/^malloc of glibc: GLIBC_TUNABLES=/))
    expect(argv).toContain('--explain-breaks')
  })
  it('passes the options on', async () => {
    const {argv} = await prepareLaunch(memoryHost(machine), {
      ...options,
      policy: {kind: 'fifo', priority: 7},
      onBreak: {kind: 'signal', number: 10},
      soft: true,
      quiet: true,
      statusFile: 'status.json',
    })
    expect(argv).toEqual(
      expect.arrayContaining([
        '--cpus=2-5',
        '--flags=0xa01',
        '--fifo=7',
        '--soft',
        '--quiet',
        '--status-file=status.json',
      ]),
    )
  })
  it('passes --settle and --rearm to isol-exec', async () => {
    const settle = {...options, enter: {kind: 'settle', ms: 50}, onBreak: {kind: 'rearm'}} as const
    const {argv} = await prepareLaunch(memoryHost(machine), settle)
    expect(argv).toEqual(
      expect.arrayContaining(['--flags=0x3', '--settle=50', '--settle-timeout=10000', '--rearm']),
    )
    expect(argv.join(' ')).not.toContain('--lock')
    const locking = await prepareLaunch(memoryHost(machine), {...settle, lock: 'resident'})
    expect(locking.argv).toContain('--lock=resident')
    await expect(prepareLaunch(memoryHost(machine), {...settle, enter: {kind: 'app'}})).rejects.toThrow(
      '--on-break rearm needs --enter settle',
    )
  })
  it('shows the program its CPUs where no thread is moved onto them, and follows its children', async () => {
    const settle = {...options, enter: {kind: 'settle', ms: 50}} as const
    const argvOf = async (files: Readonly<Record<string, string>>, more = {}) =>
      (await prepareLaunch(memoryHost(files), {...settle, ...more})).argv
    expect(await argvOf(machine)).toContain('--wide')
    expect(await argvOf(machine, {enter: {kind: 'app'}})).not.toContain('--wide')
    expect(await argvOf(machine)).not.toContain('--no-follow')
    expect(await argvOf(machine, {follow: false})).toContain('--no-follow')
    // Of a cpuset partition only the kernel's own list knows.
    expect(await argvOf({...machine, [`${cpu}/isolated`]: '\n'})).toContain('--wide')
    const {[`${cpu}/task_isolation`]: _, ...stock} = machine
    const balanced = {...stock, [`${cpu}/isolated`]: '\n'}
    expect(await argvOf(balanced, {soft: true})).not.toContain('--wide')
    expect(await argvOf(stock, {soft: true})).toContain('--wide')
  })
  it('is refused with more workers than CPUs', async () => {
    await expect(prepareLaunch(memoryHost(machine), {...options, workers: 5})).rejects.toMatchObject({
      message: '5 workers need 5 CPUs, and the launch has 4 (2-5)',
      exit: 2,
      help: expect.stringContaining('--workers 4'),
    })
    await prepareLaunch(memoryHost(machine), {...options, workers: 4})
  })
  it('finds who is bound to its CPUs, but not the programs that it runs in', async () => {
    const thread = (pid: number, name: string, allowed: string, parent = 1, flags = 0) => ({
      [`/proc/${pid}/status`]: `Name:\t${name}\nPPid:\t${parent}\n`,
      [`/proc/${pid}/task/${pid}/status`]: `Name:\t${name}\nCpus_allowed_list:\t${allowed}\n`,
      [`/proc/${pid}/task/${pid}/stat`]: `${pid} (${name}) S ${parent} 0 0 0 0 ${flags} ${'0 '.repeat(40)}\n`,
    })
    const shell = process.pid + 1
    const free = {
      ...machine,
      ...thread(7, 'everywhere', '0-5'),
      ...thread(8, 'kworker/3:1', '3', 2, 0x20_0000),
      ...thread(9, 'elsewhere', '2'),
      ...thread(process.pid, 'node', '3', shell),
      ...thread(shell, 'sh', '3'),
    }
    await prepareLaunch(memoryHost(free), {...options, cpus: set('3')})
    const taken = {...free, ...thread(10, 'feed', '3')}
    await expect(prepareLaunch(memoryHost(taken), {...options, cpus: set('3')})).rejects.toMatchObject({
      code: 'cpu-taken',
      message: 'CPU 3 is in use: feed[10] may run nowhere else',
    })
  })
  it('is refused on a stock kernel with a help line', async () => {
    const {[`${cpu}/task_isolation`]: _, ...stock} = machine
    await expect(prepareLaunch(memoryHost(stock), options)).rejects.toMatchObject({
      exit: 69,
      help: expect.stringContaining('--soft'),
    })
  })
})
