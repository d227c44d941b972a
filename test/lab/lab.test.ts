// SPDX-License-Identifier: MIT
import {existsSync} from 'node:fs'
import {mkdtemp, readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {Readable} from 'node:stream'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, test, vi} from 'vitest'
import {LabError, type LabOptions, runInLab} from '../../src/lab/run.ts'
import {Interrupted} from '../../src/lib/errors.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {testKernel} from './kernel.ts'

let kernel: string
let folder: string
/** The parent of the lab's private directories, which no other process uses. */
let temporary: string

beforeAll(async () => {
  await execa(process.execPath, ['scripts/build.ts'])
  kernel = await testKernel()
  folder = await mkdtemp(join(tmpdir(), 'lab-test-'))
  temporary = await mkdtemp(join(tmpdir(), 'lab-test-'))
  vi.stubEnv('TMPDIR', temporary)
})

afterAll(async () => {
  vi.unstubAllEnvs()
  for (const each of [folder, temporary]) await rm(each, {recursive: true, force: true})
})

const lab = (command: readonly [string, ...string[]], options: Partial<LabOptions> = {}) =>
  runInLab(command, {kernel, timeoutMs: 60_000, ...options})
const sh = (script: string, options: Partial<LabOptions> = {}) => lab(['/bin/sh', '-c', script], options)

/** QEMU processes of this test, and private directories. */
async function leftovers(): Promise<{machines: string[]; folders: string[]}> {
  const machines: string[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    if (status.includes(`\nPPid:\t${process.pid}\n`) && /^Name:\tqemu/.test(status)) machines.push(pid)
  }
  return {machines, folders: await readdir(temporary)}
}

describe('a command', () => {
  test('returns exit status, output and errors separately', async () => {
    const result = await sh('echo out; echo err >/dev/stderr; printf more; exit 7')
    expect(result).toMatchObject({exitCode: 7, stdout: 'out\nmore', stderr: 'err\n'})
    expect(result.console).toContain('Linux version 6.12')
    expect(result.stdout + result.stderr).not.toContain('Linux version')
  })

  test('gets its arguments byte for byte', async () => {
    const argv = ['', 'two words', 'a\nb', '"\'`$HOME\\', 'ü€𝄞', '-n', '--', '*', '\u0001\u007f']
    const {stdout} = await lab(['/usr/bin/printf', '%s\\0', ...argv])
    expect(stdout.split('\0').slice(0, -1)).toEqual(argv)
  })

  test('gets directory, environment and input', async () => {
    const {stdout} = await sh('pwd; echo "$GREETING from $(hostname), uid $(id -u)"; cat', {
      cwd: folder,
      env: {GREETING: 'hello\nworld'},
      stdin: Readable.from(['to be', ' read\n']),
    })
    expect(stdout).toBe(`${folder}\nhello\nworld from lab, uid 0\nto be read\n`)
  })

  test('streams while it runs, and loses no output', async () => {
    const chunks: Buffer[] = []
    const {stdout, exitCode} = await sh('head -c 20000000 /dev/zero; head -c 1000 /dev/zero >&2', {
      discardOutput: true,
      onStdout: (chunk) => void chunks.push(chunk),
    })
    expect(exitCode).toBe(0)
    expect(stdout).toBe('')
    expect(Buffer.concat(chunks)).toHaveLength(20_000_000)
  })

  test.for([
    ['kill -KILL $$', 137, 'SIGKILL'],
    ['kill -TERM $$', 143, 'SIGTERM'],
    ['sleep 1000 & exit 0', 0, undefined], // a background process does not delay the end
  ] as const)('%s', async ([script, exitCode, signal]) => {
    const result = await sh(script)
    expect(result.exitCode).toBe(exitCode)
    expect(result.signal).toBe(signal)
  })

  test('that does not exist is 127, one that cannot be run is 126', async () => {
    expect(await lab(['not-there'])).toMatchObject({
      exitCode: 127,
      stderr: 'isol-init: cannot run not-there: No such file or directory\n',
    })
    expect(await lab(['/etc/passwd'])).toMatchObject({exitCode: 126})
  })
})

describe('the machine', () => {
  test("has the host's files, and cannot change them", async () => {
    const file = join(folder, 'precious')
    await writeFile(file, 'before')
    const {stdout, exitCode} = await sh(
      `cat ${file}; echo after >${file} && cat ${file}; rm -rf ${folder}; touch /etc/isolctl-was-here /root/x && ls /etc/isolctl-was-here`,
    )
    expect(stdout).toBe('beforeafter\n/etc/isolctl-was-here\n')
    expect(exitCode).toBe(0)
    expect(await readFile(file, 'utf8')).toBe('before')
    expect(existsSync('/etc/isolctl-was-here')).toBe(false)
    await sh('mkdir -p /mnt && mount -t 9p -o trans=virtio,version=9p2000.L host /mnt && rm -f /mnt/$1', {
      env: {},
    }).then(async () => expect(await readFile(file, 'utf8')).toBe('before'))
  })

  test('has the requested CPUs and boot arguments', async () => {
    const look = 'cd /sys/devices/system/cpu && cat online isolated nohz_full; cat /proc/cmdline'
    const usual = await sh(look)
    expect(usual.stdout.split('\n').slice(0, 3)).toEqual(['0-3', '2-3', '2-3'])
    expect(usual.stdout).toContain('irqaffinity=0-1')
    const other = await sh(look, {
      cpus: 3,
      isolated: CpuSet.parse('1-2'),
      bootArguments: ['isolcpus=domain,1-2'],
      append: ['foo.bar=baz'],
    })
    const [online, isolated] = other.stdout.split('\n')
    expect([online, isolated]).toEqual(['0-2', '1-2'])
    expect(other.stdout).not.toContain('nohz_full=')
    expect(other.stdout).toContain('foo.bar=baz')
  })

  test('is complete enough for real programs', async () => {
    const {stdout} = await sh(
      [
        'set -e',
        'flock /tmp/lock true',
        'grep -q cpuset /sys/fs/cgroup/cgroup.controllers',
        'ls /sys/kernel/debug/sched >/dev/null',
        'grep -o osnoise /sys/kernel/tracing/available_tracers',
        'zcat /proc/config.gz | grep CONFIG_NO_HZ_FULL=y',
        'ip -o addr show lo 2>/dev/null | grep -o 127.0.0.1 || cat /proc/net/fib_trie | grep -om1 127.0.0.1',
        `${process.execPath} -p '1+1'`,
      ].join('\n'),
    )
    expect(stdout).toBe('osnoise\nCONFIG_NO_HZ_FULL=y\n127.0.0.1\n2\n')
  })

  test('does not affect another one', async () => {
    const results = await Promise.all([sh('echo one'), sh('echo two')])
    expect(results.map(({stdout}) => stdout)).toEqual(['one\n', 'two\n'])
  })
})

describe('a failure ends in bounded time with a reason, and leaves nothing behind', () => {
  const failure = async (run: Promise<unknown>) => {
    const error = await run.then(
      () => new Error('it went well'),
      (reason: unknown) => reason,
    )
    expect(await leftovers()).toEqual({machines: [], folders: []})
    expect(error).toBeInstanceOf(LabError)
    expect((error as LabError).exit).toBe(69)
    return error as LabError
  }

  test('a panic', async () => {
    const error = await failure(sh('echo last words; echo c >/proc/sysrq-trigger'))
    expect(error.message).toBe('the lab machine panicked: sysrq triggered crash')
    expect(error.help).toContain('sysrq')
    expect(error.console).toContain('Kernel panic - not syncing')
    expect(error.stdout).toBe('last words\n')
  })

  test('a panic that does not reboot', async () => {
    const error = await failure(sh('echo c >/proc/sysrq-trigger', {append: ['panic=0']}))
    expect(error.code).toBe('lab-panic')
  })

  test('no root, no init', async () => {
    const error = await failure(sh('true', {append: ['rdinit=/nothing']}))
    expect(error).toMatchObject({stage: 'boot', code: 'lab-panic'})
    expect(error.message).toContain('Unable to mount root fs')
  })

  test('a machine that does not come up', async () => {
    const error = await failure(sh('true', {bootTimeoutMs: 300}))
    expect(error.message).toBe('the lab machine did not come up within 0.3 s')
  })

  test('a file that is not a kernel', async () => {
    const file = join(folder, 'rubbish')
    await writeFile(file, 'this is not a kernel'.repeat(1000))
    const error = await failure(lab(['true'], {kernel: file, bootTimeoutMs: 20_000}))
    expect(error.stage).toBe('boot')
  })

  test('a command that does not end', async () => {
    const error = await failure(sh('echo started; sleep 1000', {timeoutMs: 20_000}))
    expect(error.message).toBe('the command in the lab did not end within 20 s')
    expect(error.stdout).toBe('started\n')
  })

  test('a machine that switches itself off', async () => {
    const error = await failure(sh('echo b >/proc/sysrq-trigger; sleep 1000'))
    expect(error.message).toBe('the lab machine stopped before the command ended')
  })

  test('an interruption', async () => {
    const controller = new AbortController()
    const run = sh('echo started; sleep 1000', {
      signal: controller.signal,
      onStdout: () => controller.abort(new Interrupted()),
    })
    await expect(run).rejects.toBeInstanceOf(Interrupted)
    expect(await leftovers()).toEqual({machines: [], folders: []})
  })
})
