// SPDX-License-Identifier: MIT
import {once} from 'node:events'
import {existsSync, readdirSync, readFileSync} from 'node:fs'
import {chmod, copyFile, mkdir, mkdtemp, readFile, writeFile} from 'node:fs/promises'
import {availableParallelism} from 'node:os'
import {join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test, vi} from 'vitest'
import {presentReport} from '../../src/facts/launches.ts'
import {localHost} from '../../src/host/local.ts'
import {packageRoot} from '../../src/lib/assets.ts'
import {type LaunchReport, LaunchSchema} from '../../src/schema/launch.ts'
import {type Workshop, workshop} from './compile.ts'

vi.setConfig({testTimeout: 30_000, hookTimeout: 120_000}) // compilers and Node.js, on busy machines

/** How isol-exec may have been compiled; the sanitizers end it with a report where it does what it must not. */
const BUILDS = ['as it is built', 'with sanitizers'] as const

let shop: Workshop
let sanitized: Workshop
let shim: string
let poller: string
let probe: string
beforeAll(async () => {
  shop = await workshop()
  sanitized = await workshop({sanitize: 'address,undefined'})
  shim = await shop.build('isol-exec')
  await sanitized.build('isol-exec')
  probe = await shop.compile('test/launch/fixtures/probe.c', 'probe')
  poller = await shop.build('samples/poller')
})
afterAll(async () => {
  await shop[Symbol.asyncDispose]()
  await sanitized[Symbol.asyncDispose]()
})

/** Run the tests of a suite with the isol-exec of that build. */
const useBuild = (build: (typeof BUILDS)[number]) =>
  beforeAll(async () => {
    shim = await (build === 'with sanitizers' ? sanitized : shop).build('isol-exec')
  })

const places = ['--cpus=0', '--housekeeping=0']
const run = (argv: readonly string[], options: readonly string[] = []) =>
  execa(shim, [...places, ...options, '--', ...argv], {
    reject: false,
    cwd: shop.folder,
    stripFinalNewline: false,
  })

describe.for(BUILDS)('isol-exec, %s', (build) => {
  useBuild(build)
  it('passes every argument byte for byte', async () => {
    const odd = ['', ' a  b ', 'line\nline', 'ü€𝄞', '\'"$\\`', '--cpus=5', '--', '-n']
    const {stdout} = await run(['sh', '-c', 'cat /proc/$$/cmdline; :', 'sh', ...odd])
    expect(stdout.split('\0').slice(4, -1)).toEqual(odd)
  })
  it('accepts arguments and environment in hex when they are not UTF-8', async () => {
    const hex = (...bytes: number[]) => Buffer.from(bytes).toString('hex')
    const words = ['printf', '%s'].map((word) => Buffer.from(word).toString('hex'))
    const {stdout} = await execa(shim, [...places, '--hex', '--', ...words, hex(0x66, 0xfc, 0xff)], {
      encoding: 'buffer',
    })
    expect([...stdout]).toEqual([0x66, 0xfc, 0xff])
    const name = Buffer.from('ODD=').toString('hex')
    const env = await execa(
      shim,
      [...places, `--hex-env=${name}${hex(0xe9)}`, '--', 'sh', '-c', 'printf %s "$ODD"'],
      {encoding: 'buffer'},
    )
    expect([...env.stdout]).toEqual([0xe9])
  })
  it('prints no control character of a name', async () => {
    const odd = join(shop.folder, 'evil\u001b[2J\u009b\u202ename')
    await copyFile('/bin/true', odd)
    for (const argv of [[odd], [`${odd}-missing`]]) {
      const {stderr} = await run(argv, ['--settle=10'])
      expect(stderr).toContain('evil\\x1b[2J\\xc2\\x9b\\xe2\\x80\\xaename')
      expect(stderr).toMatch(/^[\n\x20-\x7e]*$/)
    }
  })
  it('prints no line that a name makes', async () => {
    const {stderr} = await run(['./no\nhelp: such/program'], ['--settle=10'])
    expect(stderr).toBe('isol-exec: ./no\\x0ahelp: such/program: No such file or directory\n')
  })
  it('runs the program as itself: same pid, same group, its own exit status', async () => {
    const script = `echo $$; exec "${shim}" ${places.join(' ')} -- "${probe}" 7`
    const {stdout, exitCode} = await execa('sh', ['-c', script], {reject: false})
    const found = findings(stdout)
    expect(found['pid']).toBe(stdout.split('\n')[0])
    expect(found['pgrp']).toBe(findings((await execa(probe)).stdout)['pgrp'])
    expect(exitCode).toBe(7)
  })
  it('restores the signals, the mask, the limit and the pipes that Node.js changed', async () => {
    const before = findings((await execa(probe, ['--like-node', probe])).stdout)
    expect(before).toMatchObject({ignored: '13 25', blocked: '10', nonblocking: '0 1 2'})
    const {stdout} = await execa(probe, ['--like-node', shim, ...places, '--nofile=777', '--', probe])
    expect(findings(stdout)).toMatchObject({ignored: '', blocked: '', nonblocking: '', nofile: '777'})
  })
  it('changes nothing else: the limit without --nofile, open files, children', async () => {
    const {pid: _, ...direct} = findings((await execa(probe)).stdout)
    expect(direct['children']).toBe('none')
    const {stdout} = await execa(shim, [...places, '--soft', '--json', '--', probe])
    expect(findings(stdout)).toMatchObject(direct)
  })

  test.for([
    ['127', ['no-such-program'], 'isol-exec: no-such-program: No such file or directory\n'],
    ['127', ['./no-such-program'], 'isol-exec: ./no-such-program: No such file or directory\n'],
    ['126', ['/etc/passwd'], 'isol-exec: /etc/passwd: Permission denied\n'],
    ['126', ['/'], 'isol-exec: /: Is a directory\n'],
    ['127', [''], 'isol-exec: : No such file or directory\n'],
  ] as const)('exits %s for %j', async ([code, argv, stderr]) => {
    expect(await run(argv)).toMatchObject({exitCode: Number(code), stderr, stdout: ''})
  })
  it('exits 127 for a script without its interpreter, and its reporter prints nothing', async () => {
    const broken = join(shop.folder, 'broken')
    await writeFile(broken, '#!/no/such/interpreter\n')
    await chmod(broken, 0o755)
    const {exitCode, stderr} = await run(['./broken'], ['--status-file=never.json'])
    expect([exitCode, stderr]).toEqual([127, 'isol-exec: ./broken: No such file or directory\n'])
    await gone('never.json')
    expect(await readFile(join(shop.folder, 'never.json'), 'utf8')).toBe('')
  })
  test.for([
    ['is setuid, setgid', [], 0o4755, undefined],
    ['is setuid, setgid', [], 0o2755, undefined],
    ['is for another processor architecture', ['--soft'], 0o755, {machine: 8}], // MIPS
    ['is not a 64-bit program', ['--settle=50'], 0o755, {machine: 3}], // i386
  ] as const)('exits 126 with a help line when the program %s %j', async ([why, options, mode, elf]) => {
    const odd = join(shop.folder, `odd-${mode}-${elf?.machine}`)
    const bytes = await readFile(probe)
    if (elf) bytes.writeUInt16LE(elf.machine, 18) // e_machine of its ELF header
    await writeFile(odd, bytes)
    await chmod(odd, mode)
    const {exitCode, stderr} = await run([odd], options)
    expect([exitCode, stderr.split('\n')]).toEqual([
      126,
      [expect.stringContaining(why), expect.stringMatching(/^help: /), ''],
    ])
    if (mode & 0o6000) expect(await run([odd], [...options, '--force'])).toMatchObject({exitCode: 0})
  })
  it('allocates memory on the given NUMA nodes, or reports that it cannot', async ({skip}) => {
    const numa = await run(['cat', '/proc/self/numa_maps'], ['--memory=bind:0'])
    skip(numa.stderr.includes('Function not implemented'), 'this kernel has no NUMA')
    expect(numa.stdout).toContain(' bind:0 ')
    const preferred = await run(['cat', '/proc/self/numa_maps'], ['--memory=prefer:0'])
    expect(preferred.stdout).toMatch(/ prefer[^ ]*:0 /)
    expect(await run(['true'], ['--memory=bind:999'])).toMatchObject({exitCode: 125})
    expect(await run(['true'], ['--memory=near:0'])).toMatchObject({exitCode: 125})
  })
  test.for([
    [['--cpus=4095', '--housekeeping=0', '--', 'true'], 'not a cpulist'],
    [['--cpus=1000', '--housekeeping=0', '--', 'true'], 'cannot run on CPU 1000'],
    [['--cpus=0-', '--housekeeping=0', '--', 'true'], 'not a cpulist: "0-"'],
    [['--cpus=', '--housekeeping=0', '--', 'true'], 'not a cpulist: ""'],
    [['--cpus=0,', '--housekeeping=0', '--', 'true'], 'not a cpulist: "0,"'],
    [['--cpus=0-18446744073709551616', '--housekeeping=0', '--', 'true'], 'not a cpulist'],
    [['--cpus=0', '--housekeeping=0', '--fifo=100', '--', 'true'], 'not a priority: "100"'],
    [['--cpus=0', '--housekeeping=0', '--fifo= 1', '--', 'true'], 'not a priority: " 1"'],
    [['--cpus=0', '--housekeeping=0', '--flags=signal', '--', 'true'], 'not isolation flags: "signal"'],
    [['--cpus=0', '--housekeeping=0', '--hex-env=413', '--', 'true'], 'not hex: "3"'],
    [['--cpus=0', '--housekeeping=0', '--hex', '--', 'gg'], 'not hex: "gg"'],
    [
      ['--cpus=0', '--housekeeping=0', '--status-file=/no/such/folder/f', '--', 'true'],
      '/no/such/folder/f: No such',
    ],
    [['--cpus=0', '--housekeeping=0'], 'usage: isol-exec'],
    [['--nonsense'], "unrecognized option '--nonsense'"],
  ] as const)('exits 125 for %j', async ([argv, message]) => {
    const {exitCode, stderr} = await execa(shim, argv, {reject: false})
    expect(exitCode).toBe(125)
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it('passes the isolated CPUs to the program', async () => {
    const words = 'env | sed "s/LAUNCH=$$[.][0-9]*[.][0-9a-f]\\{32\\}$/LAUNCH=me/" | grep ISOLCTL | sort'
    const {stdout} = await run(['sh', '-c', words], ['--flags=0xa01', '--soft'])
    expect(stdout).toBe(
      'ISOLCTL_CPUS=0\nISOLCTL_FLAGS=0xa01\nISOLCTL_HOUSEKEEPING=0\nISOLCTL_LAUNCH=me\nISOLCTL_SOFT=1\n',
    )
  })
  it('passes the grace to the program where the kernel has it, and only there', async () => {
    const {stdout} = await run(
      ['sh', '-c', 'echo "$ISOLCTL_FLAGS $ISOLCTL_GRACE"'],
      ['--end-grace=5', '--soft'],
    )
    // A kernel with task isolation is tested in the lab.
    if (!existsSync('/proc/self/task_isolation')) expect(stdout).toBe('0x1 \n')
    expect(await run(['true'], ['--end-grace=256'])).toMatchObject({exitCode: 125})
    expect(await run(['true'], ['--end-grace=5', '--rearm'])).toMatchObject({exitCode: 125})
  })
  it('reports its own errors as JSON with --json', async () => {
    const {stdout, stderr, exitCode} = await run(['no-such-program'], ['--json'])
    expect({stderr, exitCode}).toEqual({stderr: '', exitCode: 127})
    expect(JSON.parse(stdout)).toEqual({
      schema: 'isolctl.error/1',
      error: {message: 'no-such-program: No such file or directory', exit: 127, code: 'ENOENT'},
    })
  })
  it('gives no CPU to two launches, and names the owner', async () => {
    const last = `${availableParallelism() - 1}`
    const on = (cpus: string) => [
      '--exclusive',
      `--cpus=${cpus}`,
      '--housekeeping=0',
      '--soft',
      '--quiet',
      '--',
    ]
    const child = execa(shim, [...on(last), 'sleep', '20'], {reject: false})
    await vi.waitUntil(() => nameOf(child.pid) === 'sleep', {timeout: 10_000})
    const second = await execa(shim, [...on(`0-${last}`), 'touch', join(shop.folder, 'ran')], {reject: false})
    expect(second.exitCode).toBe(69)
    expect(second.stderr).toContain(`CPU ${last} is locked by sleep[${child.pid}], which isolctl launched`)
    expect(second.stderr).toContain(
      `help: choose other CPUs with --cpus, or end it: isolctl stop ${child.pid}`,
    )
    expect(existsSync(join(shop.folder, 'ran'))).toBe(false)
    const forced = await execa(shim, ['--force', ...on(last), 'true'], {reject: false})
    expect(forced.exitCode).toBe(0)
    child.kill('SIGKILL') // the lock goes with the reporter, which sees the end
    await child
    await vi.waitUntil(
      async () => (await execa(shim, [...on(last), 'true'], {reject: false})).exitCode === 0,
      {
        timeout: 10_000,
      },
    )
  })
  it('frees its CPUs when the program has ended, although nobody reads the report', async () => {
    const script = `mkfifo full; exec 3<>full; head -c 65536 /dev/zero >&3
      "$@" true 2>&3; "$@" true; echo $?; head -c 65536 <&3 >/dev/null`
    const launch = [shim, `--cpus=${availableParallelism() - 1}`, '--housekeeping=0', '--exclusive', '--']
    const folder = await mkdtemp(join(shop.folder, 'full-'))
    const {stdout} = await execa('sh', ['-c', script, 'sh', ...launch], {cwd: folder})
    expect(stdout).toBe('0')
  })
  it('is kept from a CPU by a shared lock too, but root not by that of another user', async () => {
    const cpu = `${availableParallelism() - 1}`
    const exclusive = ['--exclusive', '--soft']
    const launch = () =>
      execa(shim, [`--cpus=${cpu}`, '--housekeeping=0', ...exclusive, '--', 'true'], {reject: false})
    const root = process.getuid?.() === 0
    for (const user of root ? [0, 65534] : [process.getuid?.() ?? 0]) {
      const lock = execa('flock', ['-s', `/sys/devices/system/cpu/cpu${cpu}`, 'sh', '-c', 'echo; cat'], {
        ...(root ? {uid: user} : {}),
        reject: false,
        buffer: false,
      })
      await once(lock.stdout, 'data')
      const {exitCode, stderr} = await launch()
      lock.stdin.end() // which ends both of its processes
      await lock
      expect(stderr).toMatch(new RegExp(`CPU ${cpu} is locked by flock\\[${lock.pid}\\]$`, 'm'))
      expect(exitCode).toBe(user === 65534 && root ? 0 : 69)
    }
    expect((await launch()).stderr).not.toContain('is locked')
  })
  it.skipIf(availableParallelism() < 2)(
    'starts on its one CPU; with several, on the housekeeping CPUs',
    async () => {
      const status = ['grep', '-h', 'Cpus_allowed_list', '/proc/self/status']
      const one = await execa(shim, ['--cpus=1', '--housekeeping=0', '--', ...status])
      expect(one.stdout).toBe('Cpus_allowed_list:\t1')
      const several = await execa(shim, ['--cpus=1-2', '--housekeeping=0', '--', ...status])
      expect(several.stdout).toBe('Cpus_allowed_list:\t0')
    },
  )
})

describe.for(BUILDS)('the reporter, %s', (build) => {
  useBuild(build)
  it('runs as long as the program, and is not its child', async () => {
    const script = 'grep -l isol-reporter /proc/[0-9]*/comm; exec "$0"'
    const {stdout} = await run(['sh', '-c', script, probe], ['--status-file=gone.json', '--soft'])
    expect(stdout).toContain('/comm')
    expect(findings(stdout)['children']).toBe('none')
    await gone('gone.json')
    expect(
      LaunchSchema.parse(JSON.parse(await readFile(join(shop.folder, 'gone.json'), 'utf8'))),
    ).toMatchObject({
      schema: 'isolctl.launch/1',
      program: 'sh',
      cpus: '0',
    })
  })
  it('survives a Ctrl-C to the program’s group, and reports on a stock kernel that nothing was isolated', async () => {
    const child = execa(shim, [...places, '--soft', '--status-file=killed.json', '--', poller, '60'], {
      cwd: shop.folder,
      reject: false,
      detached: true,
    })
    await sleep(300)
    process.kill(-(child.pid ?? 0), 'SIGINT')
    expect(await child).toMatchObject({signal: 'SIGINT'})
    await gone('killed.json')
    expect(
      LaunchSchema.parse(JSON.parse(await readFile(join(shop.folder, 'killed.json'), 'utf8'))),
    ).toMatchObject({
      isolated: false,
      starts: 0,
      breaks: [],
    })
  })
  it('reports also where the caller left standard input closed, and the program finds it closed', async () => {
    const words = `"${shim}" ${places.join(' ')} --soft --status-file=closed.json -- "${probe}"`
    const {stdout} = await execa('sh', ['-c', `exec ${words} <&-`], {cwd: shop.folder})
    expect(findings(stdout)['open']).toMatch(/^1 2/)
    await gone('closed.json')
    expect(JSON.parse(await readFile(join(shop.folder, 'closed.json'), 'utf8'))).toMatchObject({ended: true})
  })
  it('shows in the status file that it does not write any more, and what the threads wait for', async () => {
    const file = `stale-${build === 'with sanitizers'}.json` // the folder is the same for both
    const child = execa(
      shim,
      [...places, '--soft', '--settle=50', `--status-file=${file}`, '--', 'sleep', '20'],
      {
        cwd: shop.folder,
        reject: false,
      },
    )
    const text = () => readFileSync(join(shop.folder, file), 'utf8')
    const read = () => LaunchSchema.parse(JSON.parse(text()))
    const isThere = ({reporter}: LaunchReport) =>
      readFileSync(`/proc/${reporter?.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[22 - 3] ===
      reporter?.start
    await vi.waitUntil(() => existsSync(join(shop.folder, file)) && text() !== '', {timeout: 10_000})
    const first = read()
    expect(isThere(first)).toBe(true)
    expect(first).toMatchObject({
      ended: false,
      ready: false,
      workers: 1,
      waiting: [{tid: child.pid, name: 'sleep', why: expect.any(String)}],
    })
    await vi.waitUntil(() => (read().reporter?.writtenMs ?? 0) > (first.reporter?.writtenMs ?? 0), {
      timeout: 10_000,
    })
    // What isolctl status shows.
    expect(await presentReport(localHost(), child.pid ?? 0)).toMatchObject({
      owner: process.getuid?.(),
      report: {pid: child.pid, ended: false},
    })
    process.kill(first.reporter?.pid ?? 0, 'SIGKILL')
    await vi.waitUntil(() => nameOf(first.reporter?.pid) === undefined, {timeout: 10_000})
    expect(read().ended).toBe(false)
    expect(() => isThere(read())).toThrow('ENOENT') // this is how a reader can tell
    expect(await presentReport(localHost(), child.pid ?? 0)).toBeUndefined()
    child.kill('SIGKILL')
    await child
  })
  it('writes JSON for any program name', async () => {
    const folder = join(shop.folder, 'odd')
    await mkdir(folder, {recursive: true})
    const odd = join(folder, 'a"b\\c\nd')
    await writeFile(odd, '#!/bin/sh\n')
    await chmod(odd, 0o755)
    await run([odd], ['--status-file=odd.json', '--soft'])
    await gone('odd.json')
    expect(JSON.parse(await readFile(join(shop.folder, 'odd.json'), 'utf8')).program).toBe(odd)
  })
})

/** Wait until no reporter with that status file runs; throws after two seconds. */
async function gone(statusFile: string): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (!reporters(statusFile)) return
    await sleep(20)
  }
  throw new Error(`the reporter of ${statusFile} is still there`)
}

/** The name of a process; undefined when it has ended. */
const nameOf = (pid: number | undefined): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return undefined
  }
}

/** The output of the probe: "key value" lines. */
const findings = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries(text.split('\n').map((line) => [line.split(' ')[0], line.split(' ').slice(1).join(' ')]))

const reporters = (statusFile: string) =>
  readdirSync('/proc').some((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(`--status-file=${statusFile}\0`)
      )
    } catch {
      return false
    }
  })

describe.skipIf(availableParallelism() < 2)('isolctl launch', () => {
  const dev = join(packageRoot, 'bin', 'dev.js')
  const launch = ['launch', '--cpus', '1', '--enter', 'app', '--soft', '--allow-guest', '--force']

  it('leaves no trace of Node.js: same pid, and its own signals, limits and pipes', async () => {
    const script = `ulimit -Sn 999; echo $$; exec "$0" "$@"`
    const {stdout, exitCode} = await execa(
      'sh',
      ['-c', script, process.execPath, dev, ...launch, '--', probe, '7'],
      {
        reject: false,
      },
    )
    expect(exitCode).toBe(7)
    expect(findings(stdout)).toMatchObject({
      pid: stdout.split('\n')[0],
      ignored: '',
      blocked: '',
      nonblocking: '',
      children: 'none',
    })
  })
  it("gives the program the caller's limit of open files", async () => {
    const script = `ulimit -Sn 999; "$0" "$@"; exit $?`
    const {stdout} = await execa('sh', ['-c', script, process.execPath, dev, ...launch, '--', probe])
    expect(findings(stdout)['nofile']).toBe('999')
  })
  it('passes arguments that are not UTF-8', async () => {
    const script = `exec "$0" "$@" -- printf %s "$(printf 'f\\374\\377')"`
    const {stdout} = await execa('sh', ['-c', script, process.execPath, dev, ...launch], {encoding: 'buffer'})
    expect([...stdout]).toEqual([0x66, 0xfc, 0xff])
  })
  it('prints what it would execute', async () => {
    const {stdout} = await execa(process.execPath, [
      dev,
      ...launch,
      '-n',
      '--',
      'echo',
      "it's",
      '--cpus',
      '5',
    ])
    expect(stdout).toMatch(/libexec\/isol-exec --cpus=1 .*--soft -- echo 'it'\\''s' --cpus 5$/)
  })
  test.for([
    [127, ['--', 'no-such-program']],
    [126, ['--', '/etc/passwd']],
    [2, []],
    [2, ['--on-break', 'rearm', '--', 'true']],
    [2, ['--enter', 'settel', '--', 'true']],
  ] as const)('exits %i for %j', async ([code, argv]) => {
    expect(await execa(process.execPath, [dev, ...launch, ...argv], {reject: false})).toMatchObject({
      exitCode: code,
    })
  })
})
