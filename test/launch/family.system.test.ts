// SPDX-License-Identifier: MIT
import {once} from 'node:events'
import {readdirSync, readFileSync} from 'node:fs'
import {chmod, writeFile} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, afterEach, beforeAll, describe, expect, it, test, vi} from 'vitest'
import {statField} from '../../src/host/host.ts'
import {localHost} from '../../src/host/local.ts'
import {stopProgram} from '../../src/launch/stop.ts'
import {packageRoot} from '../../src/lib/assets.ts'
import {type LaunchReport, LaunchSchema} from '../../src/schema/launch.ts'
import {type Workshop, workshop} from './compile.ts'

vi.setConfig({testTimeout: 60_000, hookTimeout: 120_000})

let shop: Workshop
let shim: string
let forms: string
beforeAll(async () => {
  shop = await workshop()
  shim = await shop.build('isol-exec')
  forms = await shop.compile('test/launch/fixtures/forms.c', 'forms')
})
afterAll(() => shop[Symbol.asyncDispose]())
afterEach(() => end())

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
const entries = (path: string): readonly string[] => {
  try {
    return readdirSync(path).filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** When a process started, in clock ticks since boot. */
const startTime = (pid: number): number => Number(statField(read(`/proc/${pid}/stat`), 22))

interface Poller {
  readonly pid: number
  readonly cpus: string
}

/** The threads of our fixture that poll. */
const pollers = (): readonly Poller[] =>
  entries('/proc')
    .filter((pid) => read(`/proc/${pid}/cmdline`).includes(forms))
    .flatMap((pid) => entries(`/proc/${pid}/task`).map((tid) => ({pid, path: `/proc/${pid}/task/${tid}`})))
    .filter(({path}) => read(`${path}/comm`) === 'poll\n')
    .map(({pid, path}) => ({
      pid: Number(pid),
      cpus: /^Cpus_allowed_list:\t(.*)$/m.exec(read(`${path}/status`))?.[1] ?? '',
    }))

const end = (signal: NodeJS.Signals = 'SIGKILL') => {
  for (const {pid} of pollers()) process.kill(pid, signal)
}

/** Without task isolation in the kernel, a thread that has settled gets its CPU, and no more. */
const launch = (
  argv: readonly string[],
  options: readonly string[] = [],
  stdio: 'pipe' | 'ignore' = 'pipe',
) =>
  execa(
    shim,
    ['--cpus=1', '--housekeeping=0', '--settle=50', '--soft', '--quiet', ...options, '--', ...argv],
    {
      reject: false,
      cwd: shop.folder,
      stdio,
    },
  )

const reportOf = (file: string): LaunchReport | undefined => {
  const text = read(join(shop.folder, file))
  return text === '' ? undefined : LaunchSchema.parse(JSON.parse(text))
}

describe.skipIf(availableParallelism() < 2)('a program whose work another process does', () => {
  const script = async () => {
    const path = join(shop.folder, 'script')
    await writeFile(path, `#!/bin/sh\n"${forms}" poll\nexit $?\n`)
    await chmod(path, 0o755)
    return path
  }
  test.for([
    ['env', () => ['env', 'A=1', forms, 'poll'], 7],
    ['taskset on its CPU', () => ['taskset', '-c', '1', forms, 'poll'], 7],
    ['taskset on several CPUs', () => ['taskset', '-c', '0-1', forms, 'poll'], 7],
    ['a shell that goes on', () => ['sh', '-c', `"${forms}" poll; exit 3`], 3],
    ['a script without exec', async () => [await script()], 7],
    ['a shell in a shell', () => ['sh', '-c', `sh -c '"${forms}" poll; exit $?'; exit 4`], 4],
    ['a new session', () => ['sh', '-c', `setsid -w "${forms}" poll; exit 2`], 2],
    ['an empty environment', () => ['sh', '-c', `env -i "${forms}" poll; exit 2`], 2],
  ] as const)('is followed: %s', async ([, argv, status]) => {
    const child = launch(await argv())
    try {
      await vi.waitFor(() => expect(pollers()).toMatchObject([{cpus: '1'}]), {timeout: 20_000, interval: 50})
    } finally {
      end('SIGTERM')
    }
    expect(await child).toMatchObject({exitCode: status})
  })

  it('is observed from the beginning when it executes itself: its new threads do not stay on the CPU of the old one', async () => {
    const child = launch([forms, 'again'])
    const affinities = () =>
      entries(`/proc/${child.pid}/task`).map(
        (tid) =>
          /^Name:\t(.*)$[\s\S]*^Cpus_allowed_list:\t(.*)$/m
            .exec(read(`/proc/${child.pid}/task/${tid}/status`))
            ?.slice(1)
            .join(' ') ?? '',
      )
    await vi.waitFor(() => expect(affinities()).toEqual(['poll 1']), {timeout: 20_000, interval: 50})
    await vi.waitFor(() => expect(affinities()).toEqual(['exe 0', 'poll 1']), {
      timeout: 20_000,
      interval: 50,
    })
    child.kill('SIGTERM')
    expect(await child).toMatchObject({exitCode: 7})
  })

  it('is followed: a process for each CPU, each of which gets one', async () => {
    const child = launch([forms, 'prefork', '2'], ['--cpus=0-1', '--status-file=prefork.json'])
    try {
      await vi.waitFor(
        () =>
          expect(
            pollers()
              .map(({cpus}) => cpus)
              .sort(),
          ).toEqual(['0', '1']),
        {timeout: 20_000, interval: 50},
      )
      await vi.waitFor(
        () =>
          expect(reportOf('prefork.json')?.processes).toEqual(
            pollers().map(({pid}) => ({pid, name: 'poll', start: startTime(pid)})),
          ),
        {timeout: 10_000},
      )
    } finally {
      child.kill('SIGTERM')
    }
    expect(await child).toMatchObject({exitCode: 5})
    await vi.waitFor(() => expect(reportOf('prefork.json')?.ended).toBe(true), {timeout: 10_000})
  })

  it('is followed when it has become a daemon, and the report ends with the daemon', async () => {
    const child = launch([forms, 'daemon'], ['--status-file=daemon.json'], 'ignore')
    expect(await child).toMatchObject({exitCode: 0})
    try {
      await vi.waitFor(() => expect(pollers()).toMatchObject([{cpus: '1'}]), {timeout: 20_000, interval: 50})
      await vi.waitFor(
        () => expect(reportOf('daemon.json')).toMatchObject({ended: false, programEnded: true}),
        {timeout: 10_000},
      )
    } finally {
      end()
    }
    await vi.waitFor(() => expect(reportOf('daemon.json')?.ended).toBe(true), {timeout: 10_000})
  })

  it('is told to end by isolctl stop, once: what the program leaves behind is told after it', async () => {
    const child = launch(['sh', '-c', `"${forms}" poll; exit 3`], ['--status-file=stop.json'], 'ignore')
    await vi.waitFor(() => expect(reportOf('stop.json')?.processes).toMatchObject([{name: 'poll'}]), {
      timeout: 10_000,
    })
    const program = {pid: child.pid ?? 0}
    const report = await stopProgram(localHost(), {program, signal: undefined, timeoutMs: 20_000})
    expect(report).toMatchObject({pid: child.pid, name: 'sh', ended: true})
    expect(pollers()).toEqual([])
    expect(await child).toMatchObject({signal: 'SIGTERM'})
    // And by the program's number after the program's end.
    const daemon = launch([forms, 'daemon'], ['--status-file=gone.json'], 'ignore')
    await daemon
    await vi.waitFor(() => expect(reportOf('gone.json')?.processes).toMatchObject([{name: 'poll'}]), {
      timeout: 10_000,
    })
    const left = {program: {pid: daemon.pid ?? 0}, signal: undefined, timeoutMs: 20_000}
    expect(await stopProgram(localHost(), left)).toMatchObject({pid: daemon.pid, ended: true})
    expect(pollers()).toEqual([])
  })

  it('is left alone with --no-follow', async () => {
    const child = launch(['sh', '-c', `"${forms}" poll; exit 3`], ['--no-follow'])
    await vi.waitFor(() => expect(pollers()).toHaveLength(1), {timeout: 10_000})
    await new Promise((done) => setTimeout(done, 2000))
    expect(pollers()).toMatchObject([{cpus: '0'}])
    end('SIGTERM')
    expect(await child).toMatchObject({exitCode: 3})
  })

  it('is not taken from another launch', async () => {
    const inner = `"${shim}" --cpus=1 --housekeeping=0 --settle=50 --soft --quiet --no-follow -- sh -c '"${forms}" poll; exit 6'`
    const child = launch(['sh', '-c', `${inner}; exit $?`])
    await vi.waitFor(() => expect(pollers()).toHaveLength(1), {timeout: 10_000})
    await new Promise((done) => setTimeout(done, 2000))
    expect(pollers()).toMatchObject([{cpus: '0'}])
    end('SIGTERM')
    expect(await child).toMatchObject({exitCode: 6})
  })
})

describe.skipIf(availableParallelism() < 2)('a stranger', () => {
  const wait = (ms: number) => new Promise((done) => setTimeout(done, ms))
  /** A poller that may run on both CPUs, and has nothing to do with the launch. */
  const stranger = (command: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    execa('taskset', ['-c', '0-1', ...command, forms, 'poll'], {reject: false, env})
  const strangers = () => pollers().filter(({cpus}) => cpus === '0-1')

  it('cannot join a launch with what anyone can find out about it', async () => {
    const child = launch(['sleep', '60'])
    const pid = child.pid ?? 0
    const other = stranger([], {ISOLCTL_LAUNCH: `${pid}.${startTime(pid)}`})
    try {
      await vi.waitFor(() => expect(pollers()).toHaveLength(1), {timeout: 10_000})
      await wait(2000)
      expect(pollers()).toMatchObject([{cpus: '0-1'}])
    } finally {
      end()
      child.kill()
    }
    await Promise.all([child, other])
  })

  it('is not taken for the program that has ended and had its number', async ({skip}) => {
    const number = await shop.compile('test/launch/fixtures/number.c', 'number')
    const child = launch([forms, 'daemon'], ['--cpus=0-1', '--status-file=number.json'], 'ignore')
    await child
    const pid = child.pid ?? 0
    await vi.waitFor(() => expect(pollers()).toHaveLength(1), {timeout: 10_000})
    const other = stranger([number, `${pid}`])
    try {
      const living = vi.waitFor(() => expect(pollers()).toHaveLength(2), {timeout: 10_000})
      const status = await Promise.race([other.then(({exitCode}) => exitCode), living])
      skip(status === 77, 'a process cannot be given a number here')
      await wait(2000)
      expect(strangers()).toEqual([{pid, cpus: '0-1'}])
      expect(reportOf('number.json')).toMatchObject({programEnded: true, processes: [{name: 'poll'}]})
      expect(reportOf('number.json')?.waiting?.map(({tid}) => tid)).not.toContain(pid)
    } finally {
      end()
    }
    await other
  })
})

describe.skipIf(availableParallelism() < 2)('a launch in a launch', () => {
  /** It lets the poller settle in a minute: meanwhile the outer one could take it. */
  const inner = () => `"${shim}" --cpus=1 --housekeeping=0 --settle=60000 --soft --quiet -- "${forms}" poll`
  test.for([
    ['another process', () => `(sleep 0.5; exec ${inner()}) & wait $!; exit $?`],
    ['the program itself', () => `sleep 0.5; exec ${inner()}`],
  ] as const)('has its processes for itself: %s executes it', async ([, script], {onTestFinished}) => {
    const child = launch(['sh', '-c', script()], ['--status-file=outer.json'])
    onTestFinished(() => end())
    await vi.waitFor(() => expect(pollers()).toHaveLength(1), {timeout: 10_000})
    await new Promise((done) => setTimeout(done, 3000))
    expect(pollers()).toMatchObject([{cpus: '0'}])
    const report = reportOf('outer.json')
    expect(report?.processes).toEqual([])
    expect(report?.waiting?.map(({name}) => name)).not.toContain('poll')
    end('SIGTERM')
    expect(await child).toMatchObject({exitCode: 7})
  })
})

describe.skipIf(availableParallelism() < 2)('the CPUs that a program finds', () => {
  it('are the launch CPUs too, where the scheduler moves nothing there', async () => {
    expect(await launch([forms, 'affinity'], ['--wide'])).toMatchObject({stdout: '0 1 of 2'})
    expect(await launch([forms, 'affinity'])).toMatchObject({stdout: '0 of 1'})
    expect(await launch(['taskset', '-c', '1', forms, 'affinity'], ['--wide'])).toMatchObject({
      stdout: '1 of 1',
    })
  })
  it('are what OMP_PLACES may name', async () => {
    const places = join(shop.folder, 'places')
    const source = join(packageRoot, 'test/launch/fixtures/places.c')
    await execa('gcc', ['-O2', '-fopenmp', '-o', places, source])
    const command = ['env', 'OMP_PLACES={1}', places]
    expect(await launch(command, ['--wide'])).toMatchObject({stdout: '1 of 1'})
    // As it is where the scheduler would use the CPU.
    expect(await launch(command)).toMatchObject({
      stdout: 'of 0',
      stderr: expect.stringContaining('None of the places contain usable logical CPUs'),
    })
  })
  it('are what numactl may name', async ({skip}) => {
    const {failed} = await execa('numactl', ['--show'], {reject: false})
    skip(failed, 'there is no numactl, or no NUMA in this kernel')
    const command = ['numactl', '--physcpubind=1', forms, 'affinity']
    expect(await launch(command, ['--wide'])).toMatchObject({stdout: '1 of 1'})
    expect(await launch(command)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('cpu argument 1 is out of range'),
    })
  })
  it('are the housekeeping CPUs alone where not all of them may be had', async () => {
    expect(await launch([forms, 'affinity'], ['--cpus=1,1000', '--wide'])).toMatchObject({stdout: '0 of 1'})
  })
  it('do not keep a worker from its CPU', async () => {
    const child = launch([forms, 'threaded'], ['--wide'])
    await vi.waitFor(() => expect(pollers()).toMatchObject([{cpus: '1'}]), {timeout: 20_000, interval: 50})
    const control = () => /^Cpus_allowed_list:\t(.*)$/m.exec(read(`/proc/${child.pid}/status`))?.[1]
    await vi.waitFor(() => expect(control()).toBe('0'), {timeout: 5_000})
    child.kill('SIGTERM')
    expect(await child).toMatchObject({exitCode: 7})
  })
})

describe.skipIf(availableParallelism() < 2)('a CPU whose launch has ended', () => {
  const cpu = ['--cpus=1', '--housekeeping=0', '--exclusive', '--soft']
  const second = () => execa(shim, [...cpu, '--', 'true'], {reject: false})
  it('is kept for the daemon that the program left behind, which is named', async () => {
    const child = launch([forms, 'daemon'], ['--exclusive'], 'ignore')
    await child
    await vi.waitFor(() => expect(pollers()).toHaveLength(1), {timeout: 10_000})
    const [{pid} = {pid: 0}] = pollers()
    expect(await second()).toMatchObject({
      exitCode: 69,
      stderr: expect.stringMatching(
        new RegExp(
          `CPU 1 is locked by poll\\[${pid}\\], which isolctl launched.*\n` +
            `help: .* or end it: isolctl stop ${pid}; `,
        ),
      ),
    })
    end()
    await vi.waitFor(async () => expect((await second()).exitCode).toBe(0), {timeout: 10_000, interval: 200})
  })
  it("is kept from root by a launch of root's whose program another user has", async ({skip}) => {
    skip(process.getuid?.() !== 0, 'only root can become another user')
    const user = ['setpriv', '--reuid=65534', '--clear-groups', 'sleep', '60']
    const child = execa(shim, [...cpu, '--quiet', '--', ...user], {reject: false})
    const pid = child.pid ?? 0
    try {
      await vi.waitFor(() => expect(read(`/proc/${pid}/comm`)).toBe('sleep\n'), {timeout: 10_000})
      const {exitCode, stderr} = await second()
      expect(stderr).toContain(`CPU 1 is locked by sleep[${pid}], which isolctl launched`)
      expect(exitCode).toBe(69)
    } finally {
      child.kill()
      await child
    }
  })
  it('is kept for the daemon also when a stranger has got the number of the program', async ({skip}) => {
    const number = await shop.compile('test/launch/fixtures/number.c', 'number')
    const child = launch([forms, 'daemon'], ['--exclusive'], 'ignore')
    await child
    await vi.waitFor(() => expect(pollers()).toHaveLength(1), {timeout: 10_000})
    const [{pid} = {pid: 0}] = pollers()
    const other = execa(number, [`${child.pid}`, 'sleep', '60'], {reject: false})
    try {
      const living = vi.waitFor(() => expect(read(`/proc/${child.pid}/comm`)).toBe('sleep\n'))
      const status = await Promise.race([other.then(({exitCode}) => exitCode), living])
      skip(status === 77, 'a process cannot be given a number here')
      expect((await second()).stderr).toContain(`CPU 1 is locked by poll[${pid}], which isolctl launched`)
    } finally {
      end()
      if (read(`/proc/${child.pid}/comm`) === 'sleep\n') process.kill(child.pid ?? 0)
      await other
    }
  })
  it('is kept by a stranger that has inherited its lock, who is named with the way out', async () => {
    // flock(1) ends, and its child has the descriptor.
    const script = 'exec 9</sys/devices/system/cpu/cpu1; flock 9; sleep 60 & echo $!; exit 0'
    const {stdout: stranger} = await execa('sh', ['-c', script.replace('& echo', '>/dev/null 2>&1 & echo')])
    try {
      const {exitCode, stderr} = await second()
      expect(stderr).toContain(`CPU 1 is locked by sleep[${stranger}]\n`)
      expect(stderr).toContain(`or end it: kill ${stranger}; or launch anyway: --force`)
      expect(exitCode).toBe(69)
    } finally {
      process.kill(Number(stranger))
    }
    await vi.waitFor(async () => expect((await second()).exitCode).toBe(0), {timeout: 10_000, interval: 200})
  })
})

describe('stderr that nobody reads', () => {
  it.skipIf(availableParallelism() < 2)('does not keep the reporter from its work', async () => {
    const blocked = `mkfifo full; exec 3<>full; head -c 65536 /dev/zero >&3; echo; exec "$@" 2>&3`
    const options = [
      '--cpus=1',
      '--housekeeping=0',
      '--settle=50',
      '--exclusive',
      '--status-file=blocked.json',
    ]
    const child = execa('sh', ['-c', blocked, 'sh', shim, ...options, '--', forms, 'threaded'], {
      cwd: shop.folder,
      reject: false,
      buffer: false,
    })
    await once(child.stdout, 'data')
    await vi.waitFor(() => expect(pollers()).toMatchObject([{cpus: '1'}]), {timeout: 20_000, interval: 50})
    const before = reportOf('blocked.json')?.reporter?.writtenMs ?? 0
    child.kill('SIGTERM')
    await child
    await vi.waitFor(() => expect(reportOf('blocked.json')?.ended).toBe(true), {timeout: 10_000})
    expect(before).toBeGreaterThan(0)
    // It waits with its last words, says at once that it has ended, and holds no CPU meanwhile.
    const reporter = reportOf('blocked.json')?.reporter?.pid
    expect(JSON.parse(read(`/proc/${reporter}/fd/1`))).toMatchObject({ended: true})
    const {stdout} = await execa('sh', ['-c', 'timeout 2 cat full | tr -d "\\0"'], {cwd: shop.folder})
    expect(stdout).toContain('no thread of')
  })
})
