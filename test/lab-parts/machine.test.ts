// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {cpioArchive} from '../../src/lab/cpio.ts'
import {
  engineArguments,
  initramfs,
  isolationArguments,
  labCpus,
  qemuArguments,
} from '../../src/lab/machine.ts'
import {isSound} from '../../src/lab/qemu.ts'
import {LabError, parseEnd} from '../../src/lab/run.ts'
import {UserError} from '../../src/lib/errors.ts'
import {CpuSet} from '../../src/model/cpuset.ts'

test.for([
  [4, undefined, '2-3', '0-1'],
  [2, undefined, '1', '0'],
  [1, undefined, '', '0'],
  [6, '2-5', '2-5', '0-1'],
  [4, '', '', '0-3'],
] as const)('%i CPUs, %s isolated', ([cpus, isolated, expected, housekeeping]) => {
  const machine = labCpus(cpus, isolated === undefined ? undefined : CpuSet.parse(isolated))
  expect(`${machine.isolated}`).toBe(expected)
  expect(`${machine.housekeeping}`).toBe(housekeeping)
})

test.for([
  [4, '0-1'],
  [4, '3-4'],
  [0, ''],
  [17, ''],
  [2.5, ''],
] as const)('no machine: %i CPUs, %s isolated', ([cpus, isolated]) => {
  expect(() => labCpus(cpus, CpuSet.parse(isolated))).toThrow(UserError)
})

test('the default boot policy', () => {
  expect(isolationArguments(CpuSet.parse('2-3'), CpuSet.parse('0-1')).join(' ')).toBe(
    'isolcpus=domain,managed_irq,2-3 nohz_full=2-3 rcu_nocbs=2-3 irqaffinity=0-1 nowatchdog tsc=reliable',
  )
  expect(isolationArguments(CpuSet.empty, CpuSet.parse('0-3'))).toEqual([])
})

test('the host is never writable from inside, and a panic ends the machine', () => {
  const args = qemuArguments({
    kernel: '/k',
    initramfs: '/i',
    engine: 'threads',
    cpus: 4,
    memoryMb: 512,
    bootArguments: ['x=y'],
    terminal: false,
  })
  expect(args.find((arg) => arg.startsWith('local,'))).toContain('readonly=on')
  expect(args).toContain('-no-reboot')
  expect(args.at(-1)).toBe('console=ttyS0 panic=-1 no_timer_check rdinit=/init x=y')
})

test.for([
  ['QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)', false],
  ['QEMU emulator version 8.0.5', false],
  ['QEMU emulator version 8.1.0', true],
  ['QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)', true],
  ['', false],
] as const)('%s: several CPUs at once: %s', ([text, sound]) => {
  expect(isSound(text)).toBe(sound)
})

test.for([
  ['kvm', 'kvm'],
  ['threads', 'tcg,thread=multi'],
  ['turns', 'tcg,thread=single'],
] as const)('a machine on %s', ([engine, accel]) => {
  expect(engineArguments(engine)).toContain(accel)
})

test('an initramfs has the same bytes for the same job, and its files are where the kernel expects them', () => {
  const job = {command: ['a', 'b\n"c"'], cwd: '/', env: {A: '1'}, stdin: 'null'} as const
  const archive = initramfs(Buffer.from('ELF'), job)
  expect(archive.equals(initramfs(Buffer.from('ELF'), job))).toBe(true)
  const text = archive.toString('latin1')
  expect(text).toContain('a\0b\n"c"\0')
  expect(() => initramfs(Buffer.from(''), {...job, command: ['a\0b']})).toThrow(UserError)
})

test('a cpio archive is aligned, with directories first and the trailer last', () => {
  const archive = cpioArchive([{path: 'a/b', contents: Buffer.from('12345')}])
  expect(archive.length % 4).toBe(0)
  const names: string[] = []
  for (let at = 0; at < archive.length; ) {
    const field = (n: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + 8 * n, at + 14 + 8 * n), 16)
    expect(archive.toString('latin1', at, at + 6)).toBe('070701')
    const [size, nameSize] = [field(6), field(11)]
    names.push(archive.toString('latin1', at + 110, at + 110 + nameSize - 1))
    at += ((110 + nameSize + 3) & ~3) + ((size + 3) & ~3)
  }
  expect(names).toEqual(['a', 'a/b', 'TRAILER!!!'])
})

test.for([
  ['exited 7 10 20', {exitCode: 7, stdoutBytes: 10, stderrBytes: 20}],
  ['killed 9 0 0', {exitCode: 137, signal: 'SIGKILL', stdoutBytes: 0, stderrBytes: 0}],
  ['killed 40 0 0', {exitCode: 168, signal: 'SIGRTMIN+6', stdoutBytes: 0, stderrBytes: 0}],
] as const)('"%s"', ([line, end]) => {
  expect(parseEnd(line)).toEqual(end)
})

test('an error shows the end of the console, and only the new part of it', () => {
  const error = new LabError('it hangs', {
    code: 'lab-timeout',
    stage: 'command',
    console: 'boot\nlast words\n',
    news: 'last words\r\n\n',
    stdout: '',
    stderr: '',
  })
  expect(error.help).toBe('the end of its console:\n    last words')
  expect(error.exit).toBe(69)
})

test.for([
  ['Kernel panic - not syncing: why', ''],
  ['Oops: int3: 0000 [#1] SMP NOPTI', 'Kernel panic - not syncing: Fatal exception in interrupt'],
  ['BUG: kernel NULL pointer dereference', 'Kernel panic - not syncing: Fatal exception'],
])('an error after a panic shows what came first: %s', ([first, last]) => {
  const registers = Array.from({length: 40}, (_, n) => `R${n}: 0`).join('\n')
  const console = `boot\n${first}\n${registers}\n${last}\n`
  const {help} = new LabError('it panics', {
    code: 'lab-panic',
    stage: 'boot',
    console,
    news: console,
    stdout: '',
    stderr: '',
  })
  expect(help?.split('\n').at(1)).toBe(`    ${first}`)
  expect(help).not.toContain('R39')
})
