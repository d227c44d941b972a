// SPDX-License-Identifier: MIT
import {describe, expect, it, test} from 'vitest'
import {DEFAULT_CONFIG, loadConfig, parseConfig} from '../../src/config/load.ts'
import {resolveSettings} from '../../src/config/settings.ts'
import {resolveTarget} from '../../src/config/target.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {formatPolicy, parsePolicy} from '../../src/model/policy.ts'

const set = (text: string) => CpuSet.parse(text)

describe('the config file', () => {
  it('accepts a single CPU as a number and a list as text', () => {
    expect(`${parseConfig('isolated: 2', 'c').isolated?.plain}`).toBe('2')
    expect(`${parseConfig('isolated: 2-3,5', 'c').isolated?.plain}`).toBe('2-3,5')
    expect(parseConfig('', 'c').isolated).toBeUndefined()
  })
  test.for([
    ['isolated: [2', 'c:1: '],
    ['policy: other\nisolatd: 2-3', 'c:2: there is no key "isolatd"'],
    ['\n\nisolated: 3-2', 'c:3: isolated: not a cpulist: "3-2"'],
    ['isolated: yes please', 'c:1: isolated: not a set of CPUs: "yes please"'],
    ['isolated: [2, 3]', 'c:1: isolated: a set of CPUs is text'],
    ['policy: fifo:100', 'c:1: policy: not a policy'],
    ['- 2', 'c:1: '],
    ['isolation: perhaps', 'c:1: isolation: '],
    ['bootArguments:\n  - quiet\n  - a b', 'c:3: bootArguments.1: not a boot argument'],
    ['bootArguments: [nohz-full=2]', 'c:1: bootArguments.0: nohz_full follows from "isolated"'],
    ['classes:\n  - isolated: 2\n', 'c:2: classes.0: say which hosts'],
    ['classes:\n  - name: a\n    isolated: 2\n    polcy: other', 'c:4: there is no key "classes.0.polcy"'],
  ] as const)('refuses %s', ([text, message]) => {
    expect(() => parseConfig(text, 'c')).toThrow(message)
  })
  test.for([
    ['isolated: 0x0c', 'c:1: isolated: "0x0c" is not a list of CPUs', 'write 2-3; for a single CPU write 12'],
    ['isolated: 0xFF', 'c:1: isolated: "0xFF"', 'write 0-7;'],
    ['isolated: 0xff00', 'c:1: isolated: "0xff00"', 'write 8-15;'],
    ['isolated: 0o14', 'c:1: isolated: "0o14"', 'decimal'],
    ['isolated: "0x0c"', 'c:1: isolated: not a set of CPUs', ''],
    ['isolated: 1e1', 'c:1: isolated: "1e1"', '10?'],
    ['isolated: -3', 'c:1: isolated: "-3"', 'leading zero: 3?'],
    ['isolated: .inf', 'c:1: isolated: ".inf"', 'without sign, point, exponent or leading zero'],
    ['isolated: 010', 'c:1: isolated: "010"', '10?'],
    ['isolated: +2', 'c:1: isolated: "+2"', '2?'],
    ['isolated: 2.0', 'c:1: isolated: "2.0"', '2?'],
    ['isolated: 0x0', 'c:1: isolated: "0x0"', 'decimal'],
    ['policy: other\nhousekeeping: 0x3', 'c:2: housekeeping: "0x3"', 'write 0-1;'],
    ['classes:\n  - name: a\n    isolated: 0x0c', 'c:3: classes.0.isolated: "0x0c"', 'write 2-3;'],
  ] as const)('takes no number that is not written as a CPU: %s', ([text, message, help]) => {
    const read = () => parseConfig(text, 'c')
    expect(read).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(message),
        help: expect.stringContaining(help),
      }),
    )
  })
  it('may be absent at the default path, and must exist at the path of --config', async () => {
    expect(await loadConfig(memoryHost({}), DEFAULT_CONFIG)).toEqual({})
    await expect(loadConfig(memoryHost({}), '/nowhere/isolctl.yaml')).rejects.toThrow(
      'cannot read the config /nowhere/isolctl.yaml: ENOENT',
    )
  })
  test.for(['other', 'fifo:1', 'fifo:99'])('policy %s', (text) => {
    expect(formatPolicy(parsePolicy(text))).toBe(text)
  })
  test.for(['fifo', 'fifo:0', 'rr:5', ''])('not a policy: %s', (text) => {
    expect(() => parsePolicy(text)).toThrow('not a policy')
  })
})

describe('the workload', () => {
  test.for([
    ['cgroup: /dpdk.slice', {by: 'cgroup', name: '/dpdk.slice'}],
    ['unit: dpdk.service', {by: 'unit', name: 'dpdk.service'}],
    ['domain: db1', {by: 'domain', name: 'db1'}],
    ['pod: prod/upf-0', {by: 'pod', name: 'prod/upf-0'}],
    ['pidFile: /run/dpdk.pid', {by: 'pidFile', name: '/run/dpdk.pid'}],
    ['command: dpdk-testpmd', {by: 'command', name: 'dpdk-testpmd'}],
  ] as const)('%s', async ([line, meant]) => {
    const cpu = '/sys/devices/system/cpu'
    const host = memoryHost({
      [`${cpu}/online`]: '0-3\n',
      [DEFAULT_CONFIG]: `isolated: 2-3\nworkload:\n  - ${line}\n`,
    })
    expect((await resolveSettings(host, {config: DEFAULT_CONFIG})).workload).toEqual([meant])
  })
  test.for([
    ['workload: dpdk', 'c:1: workload: '],
    ['workload:\n  - {}', 'c:2: workload.0: give one of cgroup, unit'],
    ['workload:\n  - unit: a\n    pod: b', 'c:2: workload.0: give one of cgroup, unit'],
    ['workload:\n  - process: a', 'c:2: there is no key "workload.0.process"'],
    ['workload:\n  - pidFile: dpdk.pid', 'c:2: workload.0: pidFile is an absolute path'],
    ['workload:\n  - command: ""', 'c:2: workload.0.command: '],
  ] as const)('refuses %j', ([text, message]) => {
    expect(() => parseConfig(text, 'c')).toThrow(message)
  })
})

describe('which CPUs', () => {
  const machine = {online: set('0-3'), booted: set('2-3'), config: {}}
  it('come from the command line, else the config, else the boot arguments', () => {
    const config = {isolated: set('1'), housekeeping: set('0')}
    expect(`${resolveTarget({...machine, flag: set('3'), config}).isolated}`).toBe('3')
    expect(`${resolveTarget({...machine, flag: set('3'), config}).housekeeping}`).toBe('0-2')
    expect(`${resolveTarget({...machine, config}).isolated}`).toBe('1')
    expect(`${resolveTarget({...machine, config}).housekeeping}`).toBe('0')
    expect(`${resolveTarget(machine).isolated}`).toBe('2-3')
  })
  test.for([
    ['2-9', 'CPU 4-9 is not online; this machine has 0-3'],
    ['0-1', 'CPU 0 cannot be isolated'],
    ['', 'no CPU is isolated'],
  ] as const)('refuses "%s"', ([flag, message]) => {
    expect(() => resolveTarget({...machine, flag: set(flag)})).toThrow(message)
  })
  it('that the boot arguments list are judged as far as they are online', () => {
    const target = resolveTarget({...machine, booted: set('2-7')})
    expect(`${target.isolated} ${target.housekeeping} ${target.unavailable}`).toBe('2-3 0-1 4-7')
    expect(() => resolveTarget({...machine, booted: set('4-7')})).toThrow('CPU 4-7 is not online')
    expect(() => resolveTarget({...machine, config: {isolated: set('2-7')}})).toThrow('CPU 4-7 is not online')
  })
  it('are derived where a capture lacks the lists of the kernel', async () => {
    const interrupts = '           CPU0       CPU1       CPU2       CPU3\n'
    const partial = memoryHost({
      '/proc/interrupts': interrupts,
      '/proc/cmdline': 'isolcpus=2 nohz_full=2-3\n',
    })
    const {isolated, housekeeping} = await resolveSettings(partial, {config: DEFAULT_CONFIG})
    expect(`${isolated} ${housekeeping}`).toBe('2-3 0-1')
    await expect(resolveSettings(memoryHost({}), {config: DEFAULT_CONFIG})).rejects.toThrow(
      'cannot tell which CPUs are online: /sys/devices/system/cpu/online does not exist',
    )
  })
  it('are not guessed from a damaged list', async () => {
    const cpu = '/sys/devices/system/cpu'
    const files = {[`${cpu}/online`]: '0-3\n', [`${cpu}/isolated`]: '2\n', [`${cpu}/nohz_full`]: '2-3\n'}
    for (const name of ['online', 'isolated', 'nohz_full'])
      for (const text of ['', 'garbage\n', '-1\n']) {
        const host = memoryHost({...files, [`${cpu}/${name}`]: text})
        await expect(resolveSettings(host, {config: DEFAULT_CONFIG})).rejects.toThrow(`${cpu}/${name}`)
        const named = resolveSettings(host, {config: DEFAULT_CONFIG, cpus: set('3')})
        if (name !== 'online') expect(`${(await named).isolated}`).toBe('3')
        else await expect(named).rejects.toThrow()
      }
  })
  it('leave at least one for housekeeping', () => {
    expect(() => resolveTarget({...machine, online: set('1-3'), flag: set('1-3')})).toThrow(
      'isolating 1-3 leaves no housekeeping CPU',
    )
    expect(() => resolveTarget({...machine, config: {housekeeping: set('0,2')}})).toThrow(
      'CPU 2 is both isolated and housekeeping',
    )
  })
  it('treats a kernel without the files as one that isolates no CPU', async () => {
    const cpu = '/sys/devices/system/cpu'
    const bare = memoryHost({[`${cpu}/online`]: '0-3\n'})
    await expect(resolveSettings(bare, {config: DEFAULT_CONFIG})).rejects.toThrow('no CPU is isolated')
    const debian = memoryHost({
      [`${cpu}/online`]: '0-3\n',
      [`${cpu}/isolated`]: '\n',
      [`${cpu}/nohz_full`]: '(null)\n',
    })
    await expect(resolveSettings(debian, {config: DEFAULT_CONFIG})).rejects.toThrow('no CPU is isolated')
    const {isolated, policy} = await resolveSettings(debian, {config: DEFAULT_CONFIG, cpus: set('3')})
    expect([`${isolated}`, formatPolicy(policy)]).toEqual(['3', 'other'])
  })
})
