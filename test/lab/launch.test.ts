// SPDX-License-Identifier: MIT
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {runInLab} from '../../src/lab/run.ts'
import {packageRoot} from '../../src/lib/assets.ts'
import {type Workshop, workshop} from '../launch/compile.ts'
import {testKernel} from './kernel.ts'

let kernel: string
let shop: Workshop
let threads: string
let torture: string
beforeAll(async () => {
  await execa(process.execPath, ['scripts/build.ts'], {cwd: packageRoot})
  kernel = await testKernel()
  shop = await workshop()
  threads = await shop.compile('test/launch/fixtures/threads.c', 'threads')
  torture = await shop.compile('test/launch/fixtures/torture.c', 'torture')
})
afterAll(() => shop?.[Symbol.asyncDispose]())

/** Shell functions for the guest. CPUs 2 and 3 are isolated. */
const PRELUDE = `
exec=dist/libexec/isol-exec samples=dist/libexec/samples
shim="$exec --cpus=3 --housekeeping=0-1" # no function: $! must be the program's
# wait until that many threads of a process are isolated, for at most 20 s
isolated() {
  for i in $(seq 200); do
    [ "$(cat /proc/$1/task/*/task_isolation 2>/dev/null | grep -c '^state:.isolated')" -ge $2 ] && return 0
    sleep 0.1
  done
  echo "not isolated:"; grep . /proc/$1/task/*/task_isolation; return 1
}
interrupts() { echo "<interrupts>"; cat /proc/interrupts; echo "</interrupts>"; }
sleep 2 # the clock source settles
`

const guest = async (script: string) => {
  const result = await runInLab(['/bin/sh', '-c', PRELUDE + script], {
    kernel,
    timeoutMs: 240_000,
    cwd: packageRoot,
  })
  return {...result, text: `${result.stdout}\n--- stderr\n${result.stderr}`}
}

/** How often each interrupt came to a CPU, from /proc/interrupts. */
function countsOf(snapshot: string, cpu: number): Map<string, number> {
  const [header = '', ...rows] = snapshot.trim().split('\n')
  const column = header.trim().split(/\s+/).indexOf(`CPU${cpu}`)
  return new Map(
    rows.map((row) => {
      const [name = '', counts = ''] = row.split(/:(.*)/)
      return [name.trim(), Number(counts.trim().split(/\s+/)[column])]
    }),
  )
}

/** What came to a CPU between the two snapshots of an output: {} is silence. */
function between(stdout: string, cpu: number): Record<string, number> {
  const snapshots = [...stdout.matchAll(/<interrupts>\n([\s\S]*?)<\/interrupts>/g)]
  const [before, after] = snapshots.map(([, text = '']) => countsOf(text, cpu))
  expect(before?.size).toBeGreaterThan(5)
  return Object.fromEntries(
    [...(after ?? [])]
      .map(([name, count]) => [name, count - (before?.get(name) ?? 0)] as const)
      .filter(([, count]) => count !== 0 && !Number.isNaN(count)),
  )
}

const statusOf = (stdout: string): unknown => JSON.parse(/^\{"schema".*$/m.exec(stdout)?.[0] ?? '{}')

describe('launch --enter app', () => {
  it('runs a poller that nothing interrupts, and reports it', async () => {
    const {stdout, stderr, exitCode} = await guest(`
      node bin/run.js launch --cpus 3 --enter app --allow-guest --status-file=/tmp/status.json -- $samples/poller 15 &
      isolated $! 1 || exit 99
      interrupts; sleep 5; interrupts; isolated $! 1 || exit 98
      wait $!; code=$?
      sleep 1; cat /tmp/status.json; cat /proc/[0-9]*/comm | grep -c isol-reporter
      exit $code`)
    expect(exitCode, stderr).toBe(0)
    expect(between(stdout, 3), stderr).toEqual({})
    expect(stdout).toMatch(
      /poller: 15\.\d+ s, \d+ polls, \d{3,} packets, 0 missing; CPU 3 entered the kernel 0 times/,
    )
    expect(stderr).toMatch(/isolctl: poller\[\d+\] on CPU 3: isolated 1\d\.\d+ s, 1 start, .*, 0 breaks/)
    expect(statusOf(stdout)).toMatchObject({
      program: expect.stringContaining('poller'),
      cpus: '3',
      isolated: true,
      breakCount: 0,
    })
    expect(stdout.trim()).toMatch(/\n0$/) // no reporter is left
  })

  it('says what killed a program, and every other way to break', async () => {
    const {text, console} = await guest(`
      $shim -- $samples/slip 500; echo "kill: $?"; sleep 0.5
      $shim --flags=0xa01 -- $samples/slip 500; echo "signal: $?"; sleep 0.5
      $shim --flags=0x3 -- $samples/slip 500; echo "report: $?"; sleep 0.5
      $shim --quiet -- $samples/slip 500; echo "quiet: $?"; sleep 0.5
      $shim --flags=0xa01 -- $samples/poller 6 & isolated $! 1; taskset -c 3 true; wait $!; echo "intruder: $?"; sleep 0.5
      $shim -- true; echo "none: $?"; sleep 0.5
      taskset -c 2-3 $samples/poller 1; echo "unbound: $?"
      taskset -c 0 $samples/poller 1; echo "housekeeping: $?"`)
    const lost =
      /isolctl: slip\[\d+\]: isolation lost on CPU 3 after 0\.\d+ s, \d+\.\d+ s after the start: system call write \(1\)/g
    expect(text.match(lost), text).toHaveLength(3)
    expect(text).toContain('help: keep system calls out of the isolated loop: hand output to a thread')
    expect(text).toContain('kill: 137')
    expect(text).toContain('signal: 138')
    expect(text).toContain('slip: still here\nreport: 0')
    expect(text).toContain('quiet: 137')
    expect(text).toContain('intruder: 1') // it noticed, entered again, and told
    expect(text).toMatch(
      /poller\[\d+\]: isolation lost .*(another task ran on its CPU|another CPU interrupted it)/,
    )
    expect(text).toContain('isolctl: no thread of true was seen isolated')
    expect(text).toContain('poller: the thread is not bound to one CPU')
    expect(text).toContain("poller: the thread's CPU is not isolated")
    expect(console).toMatch(
      /task_isolation: slip\[\d+\] on CPU 3: isolation lost after \d+ us: syscall 0x1, signal 9 sent/,
    )
  })
})

describe('launch --enter settle', () => {
  it('isolates the workers of an unmodified static program, and nothing interrupts them', async () => {
    const {stdout, stderr} = await guest(`
      $exec --cpus=2-3 --housekeeping=0-1 --settle=100 --status-file=/tmp/status.json -- ${threads} poll float sleep &
      isolated $! 2 || exit 99
      interrupts; sleep 5; interrupts; isolated $! 2 || exit 98
      kill $!; wait $!; echo "ended $?"
      sleep 1; cat /tmp/status.json; cat /proc/[0-9]*/comm | grep -c isol-reporter`)
    expect(stdout, stderr).toContain('ended 143')
    expect(between(stdout, 2), stderr).toEqual({})
    expect(between(stdout, 3), stderr).toEqual({})
    expect(stderr).toMatch(/isolctl: (poll|float)\[\d+\] is isolated on CPU 2/)
    expect(stderr).toMatch(/isolctl: (poll|float)\[\d+\] is isolated on CPU 3/)
    expect(statusOf(stdout)).toMatchObject({starts: 2})
    expect(stdout.trim()).toMatch(/\n0$/) // no reporter is left
  })

  it('says why threads do not settle', async () => {
    const {text} = await guest(`
      for kind in call sleep fault; do $shim --settle=100 -- ${threads} $kind & done
      sleep 14; kill $(pidof threads); sleep 1`)
    expect(text).toContain('has settled yet:')
    for (const why of ['makes system calls: getppid (110)', '] sleeps', 'has page faults'])
      expect(text).toContain(why)
  })

  it('brings a thread back after every break, when told to rearm', async () => {
    const {stdout, stderr} = await guest(`
      $shim --flags=0x3 --rearm --settle=50 --status-file=/tmp/status.json -- ${threads} float &
      for i in 1 2 3 4 5; do isolated $! 1 || exit 99; taskset -c 3 true; sleep 0.2; done
      isolated $! 1 || exit 99
      kill $!; wait $!; echo "ended $?"; sleep 1; cat /tmp/status.json`)
    expect(stdout, stderr).toContain('ended 143') // and not by abort(): its sums were right all the time
    expect(statusOf(stdout)).toMatchObject({starts: expect.toSatisfy((starts: number) => starts >= 6)})
  })

  it('changes nothing in a thread that is sent into isolation and torn out of it again and again', async () => {
    const {stdout} = await guest(
      `(${torture} 200 1000000 quiet 3; for i in 1 2 3; do ${torture} 200 100000 signals 3; done) 2>&1`,
    )
    const lines = stdout.trim().split('\n')
    expect(lines).toEqual(
      [7, 6, 6, 6].map((digits) =>
        expect.stringMatching(
          new RegExp(`^200 rounds, .* \\d{${digits},} turns, .* (1[5-9]\\d|200) starts.*: unharmed$`),
        ),
      ),
    )
  })

  it('isolates the cores of an unmodified DPDK program while it forwards', async ({skip}) => {
    const dpdk = await execa('dpdk-testpmd', ['--version'], {reject: false})
    skip(dpdk.code === 'ENOENT', 'dpdk-testpmd is not installed (package dpdk-dev)')
    const {stdout, stderr} = await guest(`
      mkdir -p /run/dpdk; mkfifo /tmp/in; sleep 200 > /tmp/in &
      $exec --cpus=2-3 --housekeeping=0-1 --settle=100 --flags=0x3 -- \\
        dpdk-testpmd -l 1,2,3 --no-huge -m 256 --no-pci --no-telemetry --vdev=net_null0 --vdev=net_null1 -- \\
        --nb-cores=2 --total-num-mbufs=4096 --no-mlockall < /tmp/in &
      isolated $! 2 || isolated $! 2 || isolated $! 2 || exit 99
      interrupts; sleep 10; interrupts; isolated $! 2 || exit 98
      kill -INT $!; wait $!; echo "ended $?"`)
    expect(stdout, stderr).toContain('ended 0')
    expect([between(stdout, 2), between(stdout, 3)], stderr).toEqual([{}, {}])
    expect(Number(/Accumulated[\s\S]*?RX-packets: (\d+)/.exec(stdout)?.[1]), stdout).toBeGreaterThan(100_000)
  })
})
