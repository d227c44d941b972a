// SPDX-License-Identifier: MIT
import {describe, expect, it, test} from 'vitest'
import {memoryHost} from '../../src/host/memory.ts'
import {choose} from '../../src/launch/choose.ts'
import {parseEnter} from '../../src/launch/enter.ts'
import {type Ground, gate} from '../../src/launch/gate.ts'
import {prepareLaunch} from '../../src/launch/launch.ts'
import {parseNofile, startingNofile} from '../../src/launch/limits.ts'
import {isolationFlags, parseOnBreak} from '../../src/launch/on-break.ts'
import {CpuSet} from '../../src/lib/cpuset.ts'

const set = (text: string) => CpuSet.parse(text)

describe('who runs where', () => {
  it('keeps the rest of the job off CPUs that are set apart for others', () => {
    const target = {isolated: set('2'), housekeeping: set('0-1,3-5')}
    expect(`${choose({target, setApart: set('2-5')}).housekeeping}`).toBe('0-1')
  })
  it('refuses when nothing is left for it', () => {
    const target = {isolated: set('1'), housekeeping: set('0,2')}
    expect(() => choose({target, setApart: set('0-2')})).toThrow('isolating 1 leaves no housekeeping CPU')
  })
})

describe('the gate', () => {
  const good: Ground = {eligible: set('2-3'), guest: undefined, clocksource: 'tsc'}
  const strict = {cpus: set('3'), soft: false, force: false, allowGuest: false}
  const everything = {...strict, soft: true, force: true, allowGuest: true}

  it('says nothing about a good machine', () => {
    expect(gate(good, strict)).toEqual([])
  })
  test.for([
    ['no-task-isolation', {eligible: undefined}, {soft: true}, 'this kernel has no task isolation'],
    [
      'not-eligible',
      {eligible: set('2')},
      {soft: true},
      'CPU 3 cannot be isolated: the kernel was booted for 2',
    ],
    ['not-eligible', {eligible: CpuSet.empty}, {soft: true}, 'the kernel was booted for none'],
    ['guest', {guest: 'a flag'}, {allowGuest: true}, 'this is a virtual machine (a flag)'],
    ['clocksource', {clocksource: 'hpet'}, {force: true}, 'the clock source is hpet'],
    ['clocksource', {clocksource: undefined}, {force: true}, 'the clock source is unknown'],
  ] as const)('refuses for %s %j unless %j', ([code, ground, override, message]) => {
    const refuse = () => gate({...good, ...ground}, strict)
    expect(refuse).toThrow(expect.objectContaining({code, exit: 69}))
    expect(refuse).toThrow(message)
    expect(() => gate({...good, ...ground}, {...everything, ...mapFalse(override)})).toThrow(message)
    expect(gate({...good, ...ground}, {...strict, ...override})).toEqual([expect.stringContaining(message)])
  })
  it('does not take "cannot tell" for bare metal', () => {
    expect(gate({...good, guest: {unknown: 'no flags'}}, strict)).toEqual([
      'cannot tell whether this is a virtual machine: no flags',
    ])
  })
})

const mapFalse = (options: object) => Object.fromEntries(Object.keys(options).map((key) => [key, false]))

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

describe('the way to enter', () => {
  test.for([
    ['app', {kind: 'app'}],
    ['settle', {kind: 'settle', ms: 100}],
    ['settle=250ms', {kind: 'settle', ms: 250}],
    ['settle=2s', {kind: 'settle', ms: 2000}],
  ] as const)('%s', ([text, enter]) => {
    expect(parseEnter(text)).toEqual(enter)
  })
  test.for(['', 'apps', 'settle=', 'settle=5', 'settle=0ms', 'settle=61s', 'settle=1m'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseEnter(text)).toThrow(/no way to enter|out of range/)
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
    soft: false,
    force: false,
    allowGuest: false,
    quiet: false,
    json: false,
    statusFile: undefined,
    program: ['./bench', '', '--cpus', 'a\nb', 'ü'],
  } as const
  const limit = /^--nofile=/

  it('becomes the arguments of isol-exec, the program’s last and untouched', async () => {
    const {argv, notes} = await prepareLaunch(memoryHost(machine), {...options, cpus: set('3')})
    expect(notes).toEqual([])
    expect(argv.filter((word) => !limit.test(word))).toEqual([
      '--cpus=3',
      '--housekeeping=0-1',
      '--flags=0x1',
      '--',
      ...options.program,
    ])
  })
  it('passes on what was asked for', async () => {
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
  it('tells isol-exec to wait until threads settle, and to rearm', async () => {
    const settle = {...options, enter: {kind: 'settle', ms: 50}, onBreak: {kind: 'rearm'}} as const
    const {argv} = await prepareLaunch(memoryHost(machine), settle)
    expect(argv).toEqual(expect.arrayContaining(['--flags=0x3', '--settle=50', '--rearm']))
    await expect(prepareLaunch(memoryHost(machine), {...settle, enter: {kind: 'app'}})).rejects.toThrow(
      'rearmed',
    )
  })
  it('is refused on a stock kernel, and says how to go on', async () => {
    const {[`${cpu}/task_isolation`]: _, ...stock} = machine
    await expect(prepareLaunch(memoryHost(stock), options)).rejects.toMatchObject({
      exit: 69,
      help: expect.stringContaining('--soft'),
    })
  })
})
