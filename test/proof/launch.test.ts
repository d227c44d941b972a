// SPDX-License-Identifier: MIT
/**
 * Real programs, unmodified, under hard isolation: Debian's DPDK, rt-tests and stress-ng, gdb and
 * perf. Needs packages that the other tests do not need, and takes minutes: npm run test:proof.
 */
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {StatusSchema} from '../../src/schema/machine.ts'
import {testKernel} from '../lab/kernel.ts'
import {between, launchGuest, statusOf} from '../lab/launching.ts'
import {type Workshop, workshop} from '../launch/compile.ts'

let kernel: string
let shop: Workshop
let threads: string
let storm: string
let exceptions: string
beforeAll(async () => {
  await execa(process.execPath, ['scripts/build.ts'], {cwd: packageRoot})
  kernel = await testKernel()
  shop = await workshop()
  threads = await shop.compile('test/launch/fixtures/threads.c', 'threads')
  storm = await shop.compile('test/launch/fixtures/storm.c', 'storm')
  exceptions = join(shop.folder, 'exceptions')
  await execa(
    'g++',
    [
      '-std=c++17',
      '-O2',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-o',
      exceptions,
      'test/launch/fixtures/exceptions.cpp',
    ],
    {cwd: packageRoot},
  )
})
afterAll(() => shop?.[Symbol.asyncDispose]())

/** How long DPDK forwards: 60 s by default, one hour with ISOLCTL_PROOF_SECONDS=3600. */
const SECONDS = Number(process.env['ISOLCTL_PROOF_SECONDS'] ?? 60)
const TIMEOUT_MS = 400_000 + SECONDS * 2000

const guest = (script: string) => launchGuest(script, {kernel, timeoutMs: TIMEOUT_MS})

/** The sentences about breaks, one for each break, in the order in which they were printed. */
const breaks = (stderr: string) => stderr.match(/^isolctl: .*isolation lost.*\nhelp: .*$/gm) ?? []

const TESTPMD = `
mkdir -p /run/dpdk; mkfifo /tmp/in; sleep infinity > /tmp/in & # it ends with its standard input
testpmd() { # options of isol-exec
  exec $exec --cpus=2-3 --housekeeping=0-1 --settle=100 --status-file=/tmp/status.json "$@" -- \\
    dpdk-testpmd -l 1,2,3 --no-huge -m 256 --no-pci --no-telemetry --vdev=net_null0 --vdev=net_null1 -- \\
    --nb-cores=2 --total-num-mbufs=4096 --no-mlockall < /tmp/in
}
`

describe('an unmodified DPDK program', () => {
  it('forwards, and neither core enters the kernel once', {timeout: TIMEOUT_MS + 60_000}, async () => {
    const {stdout, stderr} = await guest(`${TESTPMD}
      testpmd --flags=0x3 & P=$!
      isolated $P 2 600 || exit 99
      cat /tmp/status.json
      reporter=$(grep -lx isol-reporter /proc/[0-9]*/comm | cut -d/ -f3)
      looks() { grep ^voluntary /proc/$reporter/status; }
      echo "reporter on $(grep Cpus_allowed_list /proc/$reporter/status), nothing else of us: $(readlink /proc/[0-9]*/exe | grep -c isol-exec)."
      echo "before: $(looks)"
      interrupts; sleep ${SECONDS}; interrupts
      echo "after: $(looks)"
      isolated $P 2 || exit 98
      grep -h breaks /proc/$P/task/*/task_isolation
      kill -INT $P; wait $P; echo "ended $?"`)
    expect(stdout, stderr).toContain('ended 0')
    expect([between(stdout, 2), between(stdout, 3)], stderr).toEqual([{}, {}])
    expect(
      stdout.match(/^breaks:\s*\d+$/gm)?.every((line) => line.endsWith('\t0')),
      stdout,
    ).toBe(true)
    expect(Number(/Accumulated[\s\S]*?RX-packets: (\d+)/.exec(stdout)?.[1]), stdout).toBeGreaterThan(100_000)
    expect(stdout).toMatch(/reporter on Cpus_allowed_list:\s0-1, nothing else of us: 1\./)
    // It sleeps and reads four times a second; the duration of a read depends on the emulator's
    // host.
    const [before = Number.NaN, after = Number.NaN] = ['before', 'after'].map((when) =>
      Number(new RegExp(`${when}: voluntary_ctxt_switches:\\s*(\\d+)`).exec(stdout)?.[1]),
    )
    expect(after - before).toBeGreaterThan(0)
    expect(after - before).toBeLessThan(SECONDS * 6)
  })

  it('reports each interruption with its cause, and enters isolation again', async () => {
    const {stdout, stderr} = await guest(`${TESTPMD}
      mount -t tracefs none /sys/kernel/tracing 2>/dev/null
      echo 1 > /sys/kernel/tracing/events/sched/sched_switch/enable # once, so that its buffers are there
      echo 0 > /sys/kernel/tracing/events/sched/sched_switch/enable
      testpmd --flags=0x3 --rearm & P=$!
      step() { isolated $P 2 600 || exit 99; sleep 1; echo "=== $1" >&2; }
      step stop; kill -STOP $P; sleep 1; kill -CONT $P; sleep 1
      step gdb; timeout 60 gdb -p $P -batch -ex 'info threads' > /tmp/gdb 2>&1; grep -c rte-worker /tmp/gdb; sleep 1
      step perf; perf stat -e cpu-clock -p $P sleep 1 2> /tmp/perf; sleep 1
      step stray; taskset -c 2 sh -c 'while :; do :; done' & sleep 2; kill $!; sleep 1
      step tracepoint; echo 1 > /sys/kernel/tracing/events/sched/sched_switch/enable; sleep 1
      step end; kill -INT $P; wait $P; echo "ended $?"`)
    const said = new Map(
      stderr
        .split(/^=== (\w+)$/m)
        .flatMap((part, index, parts) => (index % 2 ? [[part, parts[index + 1] ?? '']] : [])) as [
        string,
        string,
      ][],
    )
    const of = (step: string) => breaks(said.get(step) ?? '').join('\n')
    expect(stdout, stderr).toContain('ended 0')
    expect(stdout).toMatch(/^[2-9]$/m) // gdb saw both
    expect(of('stop')).toMatch(/in do_signal_stop\nhelp: the program was stopped \(SIGSTOP/)
    expect(of('gdb')).toMatch(/gdb\[\d+\], in \w*(send_signal|ptrace)\w*\nhelp: (send no signals|a debugger)/)
    expect(of('perf')).toMatch(/perf\[\d+\].*\nhelp: keep perf off/)
    expect(of('stray')).toMatch(
      /another task ran on its CPU.* (sh|taskset)\[\d+\].*\nhelp: nothing else may run/,
    )
    expect(of('tracepoint')).toMatch(
      /sh\[\d+\], in \w+, to run do_sync_core\nhelp: the kernel changed its own code/,
    )
  })
})

describe('other programs', () => {
  it('are isolated when they poll: C++ with exceptions, Python', async () => {
    const {stdout, stderr} = await guest(`
      L="$exec --cpus=2-3 --housekeeping=0-1 --settle=100 --flags=0x3"
      $L -- ${exceptions} & isolated $! 1 && sleep 5 && isolated $! 1 10 && echo "exceptions isolated"; kill $!; wait $!; echo "exceptions $?"
      $L -- python3 -c 'while True: pass' & isolated $! 1 && sleep 5 && isolated $! 1 10 && echo "python isolated"; kill $!; wait $!`)
    for (const name of ['exceptions', 'python']) expect(stdout, stderr).toContain(`${name} isolated`)
    expect(stdout).toMatch(/exceptions: \d+ numbers, \d+ thrown, all caught/)
    expect(stdout).toContain('exceptions 0')
    expect(stderr).not.toMatch(/exceptions\[\d+\]: isolation lost.*(fault|exception \d|IPI)/)
  })

  it('are isolated when they poll: oslat, where the kernel has NUMA', async ({skip}) => {
    const {stdout, stderr} = await guest(`
      [ -d /sys/devices/system/node ] || { echo "no NUMA"; exit 0; }
      $exec --cpus=2-3 --housekeeping=0-1 --settle=100 --flags=0x3 -- oslat -c 2,3 --cpu-main-thread 1 -D 30 &
      isolated $! 2 300 && echo "oslat isolated"; wait $!; echo "oslat $?"`)
    skip(stdout.includes('no NUMA'), 'oslat does not start on a kernel without NUMA')
    expect(stdout, stderr).toContain('oslat isolated')
    expect(stdout, stderr).toContain('oslat 0')
  })

  it('are reported with the reason when they do not poll: cyclictest and stress-ng; and run as usual', async () => {
    const {stdout, stderr} = await guest(`
      L="$exec --cpus=2-3 --housekeeping=0-1 --settle=100 --flags=0x3"
      $L -- cyclictest -q -t 1 -a 2 -p 1 -i 1000 -D 14; echo "cyclictest $?"; sleep 1
      $L -- stress-ng --cpu 1 --timeout 14; echo "stress-ng $?"; sleep 1`)
    expect(stdout).toContain('cyclictest 0')
    expect(stdout).toContain('stress-ng 0')
    expect(stderr).toMatch(/no thread of cyclictest has settled yet:\n(.*\n)*? {2}cyclictest\[\d+\] sleeps/)
    expect(stderr).toMatch(/no thread of stress-ng has settled yet:\n(.*\n)*?.*1 process that it started/)
  })

  it('may have sibling threads that unmap and fork: reported, and isolated again', async () => {
    const {stdout, stderr} = await guest(`
      $shim --settle=100 --flags=0x3 --rearm --status-file=/tmp/status.json -- ${threads} poll unmap fork & P=$!
      isolated $P 1 || exit 99; sleep 10; isolated $P 1; kill $P; wait $P; echo "ended $?"; sleep 1; cat /tmp/status.json`)
    expect(stdout, stderr).toContain('ended 143')
    expect(breaks(stderr).join('\n')).toMatch(
      /CPU [01], unmap\[\d+\], in \w+, to run flush_tlb_func\nhelp: a thread sharing its memory unmapped.*trim_threshold/,
    )
    expect(breaks(stderr).join('\n')).toMatch(/CPU [01], fork\[\d+\], in \w+, to run flush_tlb_func/)
    expect(statusOf(stdout)).toMatchObject({starts: expect.toSatisfy((starts: number) => starts >= 3)})
  })

  it('lose no signal and no wake-up in a minute of disturbances', async () => {
    const {stdout, stderr} = await guest(`
      $shim --flags=0x3 --rearm --settle=50 --status-file=/tmp/status.json -- ${storm} 60; echo "exit $?"
      sleep 1; cat /tmp/status.json`)
    expect(stdout, stderr).toMatch(
      /^storm: \d{5,} turns, (\d+) signals of \1, (\d+) wake-ups of \2, .*: unharmed/m,
    )
    expect(stdout).toContain('exit 0')
    expect(statusOf(stdout)).toMatchObject({starts: expect.toSatisfy((starts: number) => starts >= 5)})
  })
})

describe('an observer', () => {
  it('gets the state from systemd, the status file and isolctl status, without a disturbance', async () => {
    const {stdout, stderr} = await guest(`
      perl -MIO::Socket::UNIX -e '
        $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => "/tmp/notify") or die;
        $s->recv($b, 4096); print "notified: ", join("|", split /\\n/, $b), "\\n"' > /tmp/notified &
      listener=$!
      while [ ! -S /tmp/notify ]; do sleep 0.1; done
      NOTIFY_SOCKET=/tmp/notify $exec --cpus=2-3 --housekeeping=0-1 --settle=100 --notify --status-file=/tmp/status.json -- \\
        sh -c 'echo "socket: $NOTIFY_SOCKET."; exec ${threads} poll float' & P=$!
      isolated $P 2 || exit 99
      wait $listener; cat /tmp/notified /tmp/status.json
      interrupts
      node bin/run.js status --watch 100ms --json > /tmp/looks & S=$!
      for i in $(seq 300); do [ $(wc -l < /tmp/looks) -ge 6 ] && break; sleep 0.3; done
      interrupts
      kill -INT $S; wait $S; echo "status $?"
      grep -c '"state":"isolated".*"state":"isolated"' /tmp/looks; tail -1 /tmp/looks
      kill $P; wait $P; sleep 1`)
    expect(stdout, stderr).toContain('socket: .\n')
    expect(stdout).toContain('notified: READY=1|STATUS=2 threads isolated on CPU 2-3')
    expect(statusOf(stdout)).toMatchObject({ready: true, ended: false, starts: 2})
    expect([between(stdout, 2), between(stdout, 3)], stderr).toEqual([{}, {}])
    expect(stdout).toContain('status 0\n')
    const looks = Number(/^status 0\n(\d+)$/m.exec(stdout)?.[1])
    expect(looks, stdout).toBeGreaterThan(5)
    const [last] = stdout.match(/^\{"schema":"isolctl.status.*$/m) ?? ['{}']
    const worker = {pid: expect.any(Number), starts: 1, breaks: 0, state: 'isolated'}
    expect(StatusSchema.parse(JSON.parse(last)).threads).toMatchObject([
      {...worker, cpu: 2},
      {...worker, cpu: 3},
    ])
  })
})
