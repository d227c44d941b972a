// SPDX-License-Identifier: MIT
import {chmod, copyFile, truncate, writeFile} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test, vi} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {type Workshop, workshop} from './compile.ts'

vi.setConfig({testTimeout: 120_000, hookTimeout: 120_000}) // compilers and Node.js, on busy machines

let shop: Workshop
let torture: string
let settler: string
let threads: string
beforeAll(async () => {
  shop = await workshop()
  const fixture = (name: string) => shop.compile(`test/launch/fixtures/${name}.c`, name)
  ;[torture, settler, threads] = await Promise.all([
    fixture('torture'),
    fixture('settler'),
    fixture('threads'),
  ])
})
afterAll(() => shop[Symbol.asyncDispose]())

describe.runIf(process.arch === 'x64')('sending a thread through the stub', () => {
  // The prctl fails on a stock kernel; everything around it happens nevertheless.
  test.for([
    ['interrupted anywhere', ['500', '1000000', 'quiet']],
    ['with a signal arriving in the stub', ['500', '1000000', 'signals']],
  ] as const)('changes no register, flag, vector, FPU state or red zone: %s', async ([, argv]) => {
    const {stdout, stderr} = await execa(torture, argv, {reject: false})
    expect(stdout, stderr).toMatch(/^500 rounds, .* [1-9]\d{6,} turns, .*: unharmed$/)
  })
})

describe.runIf(process.arch === 'x64')('a thread that makes a call for us', () => {
  test.for([
    // Longer than any wait of the supervisor: it went on with our registers, and died of SIGSEGV.
    ['takes 12 s', ['none', '12'], 'call 0\nprogram runs, turns, 0 signals'],
    ['is signalled meanwhile', ['signal', '3'], 'call 0\nprogram runs, turns, 1 signals'],
    ['is stopped meanwhile', ['stop', '3'], /^call (0|-\d+)\nstate T\nprogram runs, turns, 0 signals$/],
    // Minutes are no different: we give up after two seconds, and let go.
    ['waits for memory that is held back', ['fault', '12'], 'call -110\nprogram runs, turns, 0 signals'],
    ['is killed meanwhile', ['kill', '30'], 'call -3\nprogram ended, stands, 0 signals'],
  ] as const)('%s, and goes on as before', async ([, argv, expected], {skip}) => {
    const {stdout} = await execa(await shop.compile('test/launch/fixtures/calls.c', 'calls'), argv)
    skip(stdout === 'no userfaultfd here', stdout)
    if (typeof expected === 'string') expect(stdout).toBe(expected)
    else expect(stdout).toMatch(expected)
  })
})

describe.runIf(process.arch === 'x64' && availableParallelism() > 1)('the memory of a program', () => {
  /** Of this much reserved address space, in MiB, it has touched 16. `as`: a command that executes it. */
  const locked = async (how: string, size: number, ...as: string[]) => {
    const sparse = await shop.compile('test/launch/fixtures/sparse.c', 'sparse')
    const {stdout} = await execa(settler, [`--lock=${how}`, '40', '600', '1', '0', ...as, sparse, `${size}`])
    const [, before, after, kib] = /^resident (\d+) (\d+), locked (\d+)$/m.exec(stdout)?.map(Number) ?? []
    expect(stdout).toContain('program runs')
    return {stdout, before: before ?? 0, after: after ?? 0, kib: kib ?? 0}
  }
  const RESERVED = 64 << 10
  it('stays as it is without --lock, and what the program calls works as before', async () => {
    const {stdout, before, after, kib} = await locked('none', RESERVED)
    expect(stdout).toMatch(/^poll planted/m)
    expect(before).toBeGreaterThan(16 << 10)
    expect(after / before).toBeLessThan(1.01)
    expect(kib).toBe(0)
    expect(stdout).toContain('madvise 0, reads 0')
  })
  it('does not have to be read whole, where its file is very large', async () => {
    const large = join(shop.folder, 'large')
    await copyFile(await shop.compile('test/launch/fixtures/sparse.c', 'sparse'), large)
    await truncate(large, 2 ** 40)
    const {stdout} = await execa(settler, ['40', '600', '1', '0', large, `${RESERVED}`])
    expect(stdout).toMatch(/^\S+ planted/m)
  })
  it('does not grow with --lock resident, which locks what is there', async () => {
    const {stdout, before, after, kib} = await locked('resident', RESERVED)
    expect(stdout).toMatch(/^poll planted/m)
    expect(after / before).toBeLessThan(1.01)
    expect(kib).toBeGreaterThan(16 << 10)
    expect(kib).toBeLessThan(32 << 10)
    expect(stdout).toContain('madvise EINVAL, reads 1')
  })
  it('becomes present and locked with --lock all', async () => {
    const {stdout, after, kib} = await locked('all', 128)
    expect(stdout).toMatch(/^poll planted/m)
    expect(after).toBeGreaterThan(128 << 10)
    expect(kib).toBeGreaterThan(128 << 10)
    expect(stdout).toContain('madvise EINVAL, reads 1')
  })
  test.for([
    [0, 'it may lock no memory (ulimit -l is 0)'],
    [64, 'it would lock more than it may (ulimit -l), or have too many mappings (vm.max_map_count)'],
  ] as const)('is not locked when %i KiB may be, and the reason is named', async ([limit, why], {skip}) => {
    skip(process.getuid?.() !== 0, 'needs root')
    const user = ['setpriv', '--reuid=65534', '--bounding-set=-all', 'prlimit', `--memlock=${limit << 10}`]
    await chmod(shop.folder, 0o755)
    for (const how of ['resident', 'all']) {
      const {stdout, before, after, kib} = await locked(how, 64, ...user)
      expect(stdout).toContain(`poll watched cannot lock its memory: ${why}\n`)
      expect(after / before).toBeLessThan(1.01)
      expect(kib).toBe(0)
      expect(stdout).toContain('madvise 0, reads 0')
    }
  })
})

describe.runIf(process.arch === 'x64')('a system call that our stop interrupts', () => {
  it('ends as if nobody had touched its thread', async () => {
    const restarts = await shop.compile('test/launch/fixtures/restarts.c', 'restarts')
    const {stdout} = await execa(restarts, ['12'])
    const calls = [
      'nanosleep',
      'clock_nanosleep',
      'poll for 400 ms',
      'poll',
      'futex for 400 ms',
      'futex',
      'epoll_wait',
    ]
    expect(stdout.split('\n')).toEqual(
      [...calls, 'epoll_pwait', 'read', 'recv with a timeout', 'sigtimedwait', 'semop'].map(
        (call) => `${call}: unharmed`,
      ),
    )
  }, 120_000)
})

/** All steps take some minutes, a fourth of them one. */
const STRIDE = process.env['ISOLCTL_LONG'] === undefined ? 4 : 1

describe.runIf(process.arch === 'x64' && availableParallelism() > 1)('settle, at each of its steps', () => {
  let faults: string
  let faulted: string
  beforeAll(async () => {
    faults = await shop.compile('test/launch/fixtures/faults.c', 'faults', 'LDLIBS=-Wl,--wrap=ptrace')
    faulted = await shop.compile('test/launch/fixtures/faulted.c', 'faulted')
  })
  test.for([
    ['is killed', 'kill'],
    ['thread exits', 'exit'],
    ['main thread executes another program', 'exec'],
    ['thread executes another program', 'exec-self'],
    ['is stopped by SIGSTOP', 'stop'],
    ['is frozen', 'freeze'],
    ['is frozen by control groups of version 2', 'freeze-2'],
    ['thread is signalled', 'signal'],
    ['thread gets a debugger', 'debugger'],
    ['loses its tracer to SIGKILL', 'tracer-kill'],
  ] as const)('does no harm when the program %s', {timeout: 600_000}, async ([, failure], {skip}) => {
    const argv = [failure, faulted, `${STRIDE === 1 ? 0 : 1}`, `${STRIDE}`]
    const {stdout} = await execa(faults, argv, {reject: false})
    skip(stdout === 'no cgroup can be frozen here', stdout)
    // All of FREE, TRACED, HELD and CALLING of trace.h were reached.
    expect(stdout).toMatch(new RegExp(`^${failure} at ([6-9]|\\d{2,3}) steps, phases 0xf: unharmed$`))
  })
})

describe.runIf(process.arch === 'x64' && availableParallelism() > 1)('settle', () => {
  /** 40 ms, at most `times`: few when nothing is expected, many on a busy machine. */
  const settle = async (program: readonly string[], times: number) => {
    const {stdout} = await execa(settler, ['40', `${times}`, '1', '0', ...program])
    return stdout.split('\n')
  }
  test.for([
    ['poll', 600, /^poll planted/],
    ['float', 600, /^float planted/],
    ['sleep', 50, /^sleep watched sleeps/],
    ['call', 600, /^call watched makes system calls: getppid \(110\)/],
    ['fault', 50, /^fault watched has page faults/],
    ['signal', 600, /^signal watched makes system calls/],
  ] as const)('and a thread that does "%s"', async ([kind, times, expected]) => {
    const lines = await settle([threads, kind], times)
    expect(lines).toEqual([
      expect.stringMatching(/^threads watched sleeps/),
      expect.stringMatching(expected),
      'program runs',
    ])
  })
  it('assigns one CPU to one thread, also of a dynamic program', async () => {
    const dynamic = join(shop.folder, 'dynamic')
    await execa('gcc', [
      '-O2',
      '-pthread',
      '-o',
      dynamic,
      join(packageRoot, 'test/launch/fixtures/threads.c'),
    ])
    const lines = await settle([dynamic, 'poll', 'poll', 'sleep'], 600)
    expect(lines.filter((line) => line.startsWith('poll planted'))).toHaveLength(1)
    expect(lines.filter((line) => line.startsWith('poll watched'))).toHaveLength(1)
    expect(lines.at(-1)).toBe('program runs')
  })
  it('recognises runtimes that interrupt their own threads', async () => {
    const source = join(packageRoot, 'test/launch/fixtures/threads.c')
    // As the Go linker marks its output (cmd/link, .note.go.buildid): an owner of 3 bytes, and its text.
    const marked = join(shop.folder, 'marked.c')
    await writeFile(
      marked,
      `const struct { unsigned owner, size, type; char text[8]; } note
         __attribute__((used, section(".note.go.buildid"), aligned(4))) = {3, 4, 4, "Go\\0\\0id"};\n`,
    )
    const go = join(shop.folder, 'go')
    await execa('gcc', ['-O2', '-pthread', '-o', go, source, marked])
    // A program that has the text of one, as a debugger for Go, is none.
    const like = join(shop.folder, 'like.c')
    await writeFile(like, 'const char mark[] __attribute__((used)) = "\\xff Go buildinf:";\n')
    const debuggerOfGo = join(shop.folder, 'like')
    await execa('gcc', ['-O2', '-pthread', '-o', debuggerOfGo, source, like])
    expect((await settle([debuggerOfGo, 'poll'], 600)).join('\n')).toContain('poll planted')
    expect((await settle([go, 'poll'], 600)).join('\n')).toContain('poll watched is a Go program')
    const jvm = join(shop.folder, 'libjvm.so')
    await execa('gcc', ['-shared', '-o', jvm, like])
    const java = join(shop.folder, 'java')
    await execa('gcc', ['-O2', '-pthread', '-o', java, source, '-Wl,--no-as-needed', jvm])
    expect((await settle([java, 'poll'], 600)).join('\n')).toContain('poll watched runs in a Java VM')
    // With the setting that --runtime-hints gives them, they do not.
    for (const [program, setting] of [
      [go, 'GODEBUG=madvdontneed=1,asyncpreemptoff=1'],
      [java, 'JAVA_TOOL_OPTIONS=-XX:+UseEpsilonGC'],
    ] as const)
      expect(await settle(['env', setting, program, 'poll'], 600)).toContainEqual(
        expect.stringMatching(/^poll planted/),
      )
  })
  it('goes on without a control thread that never comes to rest, and says for which one it waited', async () => {
    const {stdout} = await execa(settler, ['--timeout=600', '40', '600', '1', '0', threads, 'poll', 'fault'])
    expect(stdout).toMatch(/^poll planted/m)
    expect(stdout).toMatch(/^fault watched has page faults$/m)
    expect(stdout).toMatch(/^waits: fault (touches new memory|wants to run and gets no CPU)$/m)
  })
  it('does not wait for a thread of io_uring, which always wants to run', async ({skip}) => {
    const sqpoll = await shop.compile('test/launch/fixtures/sqpoll.c', 'sqpoll')
    const lines = await settle([sqpoll, ''], 600)
    skip(lines.length < 3, 'this kernel lets nobody use io_uring')
    expect(lines).toEqual([
      expect.stringMatching(/^sqpoll watched sleeps/),
      expect.stringMatching(/^iou-sqp-\d+ watched is io_uring's, in the kernel$/),
      expect.stringMatching(/^poll planted/),
      'program runs',
    ])
  })
  it('waits for control threads that keep touching new memory', async () => {
    const lines = await settle([threads, 'poll', 'fault'], 20)
    expect(lines.join('\n')).not.toContain('planted')
  })
})
