// SPDX-License-Identifier: MIT
import {readdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {type Workshop, workshop} from '../launch/compile.ts'
import {testKernel} from './kernel.ts'
import {between, launchGuest, statusOf} from './launching.ts'

let kernel: string
let shop: Workshop
let threads: string
let torture: string
let storm: string
let ender: string
let forms: string
beforeAll(async () => {
  await execa(process.execPath, ['scripts/build.ts'], {cwd: packageRoot})
  kernel = await testKernel()
  shop = await workshop()
  const fixture = (name: string) => shop.compile(`test/launch/fixtures/${name}.c`, name)
  ;[threads, torture, storm] = [await fixture('threads'), await fixture('torture'), await fixture('storm')]
  ender = await fixture('ender')
  forms = await fixture('forms')
})
afterAll(() => shop?.[Symbol.asyncDispose]())

const guest = (script: string, options: {timeoutMs?: number} = {}) =>
  launchGuest(script, {kernel, ...options})

describe('launch --enter app', () => {
  it('runs a poller without an interruption, and reports it', async () => {
    const {stdout, stderr, exitCode} = await guest(`
      event=/sys/kernel/tracing/events/sched/sched_process_exit/enable
      echo 1 >$event; echo 0 >$event # the first event of all makes the trace buffers grow
      node bin/run.js launch --cpus 3 --enter app --allow-guest --status-file=/tmp/status.json -- $samples/poller 15 &
      isolated $! 1 || exit 99
      interrupts; sleep 5; echo 1 >$event; echo 0 >$event; interrupts; isolated $! 1 || exit 98
      wait $!; code=$?
      sleep 1; cat /tmp/status.json; cat /proc/[0-9]*/comm | grep -c isol-reporter
      exit $code`)
    expect(exitCode, stderr).toBe(0)
    expect(between(stdout, 3), stderr).toEqual({})
    expect(stdout).toMatch(
      /poller: 15\.\d+ s, \d+ polls, \d{3,} packets, 0 missing; CPU 3 entered the kernel 0 times/,
    )
    expect(stderr).toMatch(
      /^ {2}CPU 3 {2}poller\[\d+\] {2}\w+ {2}isolated 1\d\.\d+ s {2}1 start {2}0 breaks .* deferred: [1-9]\d* text, \d+ mappings/m,
    )
    expect(statusOf(stdout)).toMatchObject({
      program: expect.stringContaining('poller'),
      cpus: '3',
      isolated: true,
      breakCount: 0,
    })
    expect(stdout.trim()).toMatch(/\n0$/) // no reporter runs any more
  })

  it('runs workers with rings on several CPUs, also when breaks are reported to them', async () => {
    const {stdout, stderr, exitCode} = await guest(`
      app="node bin/run.js launch --cpus 2-3 --enter app --allow-guest"
      $app --status-file=/tmp/status.json -- $samples/rings 12 &
      isolated $! 2 300 || exit 99
      interrupts; sleep 4; interrupts; isolated $! 2 || exit 98
      echo "left: $(readlink /proc/[0-9]*/exe | grep -c '/node$') of Node.js," \
        "$(grep -lx isol-reporter /proc/[0-9]*/comm | wc -l) reporter on" \
        $(grep -h Cpus_allowed_list $(grep -lx isol-reporter /proc/[0-9]*/comm | sed s/comm/status/))
      wait $!; echo "quiet $?"; sleep 1; cat /tmp/status.json
      $app --on-break signal=SIGUSR1 -- $samples/rings 12 & isolated $! 2 300 || exit 97
      taskset -c 2 true; sleep 1; taskset -c 3 true; wait $!; echo "disturbed $?"`)
    expect(exitCode, stderr).toBe(0)
    expect([between(stdout, 2), between(stdout, 3)], stderr).toEqual([{}, {}])
    expect(stdout).toContain('left: 0 of Node.js, 1 reporter on Cpus_allowed_list: 0-1')
    const [first, second] = stdout.split('quiet 0')
    const lines = (text = '') => text.match(/worker \d: \d+ polls, \d{3,} packets, 0 missing, 0 wrong; .*/g)
    expect(lines(first), stdout).toEqual(
      [2, 3].map((cpu) =>
        expect.stringContaining(`CPU ${cpu} entered the kernel 0 times (starts 1, entered again 0)`),
      ),
    )
    expect(lines(second), stdout).toEqual(
      [2, 3].map((cpu) => expect.stringMatching(new RegExp(`CPU ${cpu} entered .* entered again [1-9]`))),
    )
    expect(stdout).toContain('disturbed 1')
    expect(statusOf(stdout)).toMatchObject({ready: true, ended: true, starts: 2, breakCount: 0})
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
    expect(text).toContain('intruder: 1') // it noticed the break, entered again, and reported it
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

/** Whether the series has the grace at the end. A kernel that is given may have it before. */
async function seriesHasGrace(): Promise<boolean> {
  const folder = join(packageRoot, 'kernel-patches/6.12')
  const patches = (await readdir(folder)).filter((name) => name.endsWith('.patch'))
  const texts = await Promise.all(patches.map((name) => readFile(join(folder, name), 'utf8')))
  return texts.some((text) => /^\+.*PR_TASK_ISOLATION_SET_GRACE/m.test(text))
}

/** Starts ender so that a line in its standard input is what it waits for, and waits until it is isolated. */
const ENDER = `
mkfifo /tmp/in; exec 3<>/tmp/in
launched() { grace=$1; shift; $shim --settle=100 --end-grace=$grace --status-file=/tmp/status.json -- $ender "$@" </tmp/in 3>&- & P=$!; isolated $P 1 || exit 99; }
ended() { wait $P; echo "$1: $?"; sleep 1; }`

describe('the end of a program', () => {
  it('is no break when it comes in time, and loses no exit status', async ({skip}) => {
    const has = await guest(`$shim --end-grace=5 -- sh -c 'echo "grace $ISOLCTL_GRACE."'`)
    if (!has.stdout.includes('grace 5.')) {
      expect(await seriesHasGrace(), 'the kernel lacks the grace that the series has').toBe(false)
      expect(has.stderr.match(/note: this kernel gives a program no time to end/g)).toHaveLength(1)
      skip('this kernel gives a program no time to end')
    }
    const {text, stdout} = await guest(
      `
      ender=${ender}; ${ENDER}
      launched 5 signal; kill -TERM $P; ended signal
      launched 5 sigwait; kill -INT $P; ended sigwait
      launched 5 quit; echo >&3; ended quit
      launched 5 thread; echo >&3; sleep 1; cat /tmp/status.json; echo >&3; ended thread
      launched 5 default; kill -TERM $P; ended default
      launched 2 stay; echo >&3; ended stay
      launched 0 quit; echo >&3; ended none
      launched 5 signal; node bin/run.js stop $P; echo "stop $?"; ended stopped
      launched 5 quit; kill -9 $P; ended killed
      for i in $(seq 20); do launched 5 signal 7; kill -TERM $P; wait $P; echo "cycle $?"; done`,
      {timeoutMs: 540_000},
    )
    for (const line of ['signal: 0', 'sigwait: 0', 'quit: 0', 'thread: 0', 'default: 143', 'stopped: 0'])
      expect(stdout, text).toContain(line)
    expect(stdout.match(/^cleaned up$/gm), text).toHaveLength(5 + 20)
    expect(stdout.match(/^cycle 7$/gm), text).toHaveLength(20)
    expect(stdout, text).toContain('stop 0')
    expect(stdout, text).toMatch(
      /ender\[\d+\] ended \d+\.\d+ s after SIGTERM\n {2}CPU 3 +worker\[\d+\] +ended/,
    )
    // What does not end in time, and what has no grace, is a break as before.
    for (const line of ['stay: 137', 'none: 137', 'killed: 137']) expect(stdout, text).toContain(line)
    const lost = text.match(/worker\[\d+\]: isolation lost .*/g)
    expect(lost, text).toEqual([
      expect.stringMatching(/system call write \(1\), and did not end within 2 s$/),
      expect.stringMatching(/system call write \(1\)$/),
    ])
    expect(
      text.match(/^ {2}CPU 3 +worker\[\d+\] +ended +isolated .* 0 breaks/gm)?.length,
      text,
    ).toBeGreaterThan(20)
    expect(statusOf(stdout).threads, text).toMatchObject([
      {name: 'worker', state: 'off', ended: true, breaks: 0},
    ])
  }, 600_000)

  it('names a signal whose handler ran instead of the break action', async () => {
    const {text, stdout} = await guest(`
      ender=${ender}; ${ENDER}
      launched 5 alone; kill -USR1 $P; sleep 1; cat /proc/$P/task_isolation; kill -TERM $P; ended alone`)
    expect(text).toContain(
      'signal SIGUSR1 was delivered to it; its handler ran, and it goes on without isolation',
    )
    expect(stdout).toMatch(/^state:\tlost$/m)
    expect(stdout).toContain('alone: 0')
  })

  it('keeps a second launch from the CPU, and shows one launch while it runs', async () => {
    const {text, stdout} = await guest(`
      launch="node bin/run.js launch --cpus 3 --allow-guest"
      $launch -- ${threads} poll & P=$!; isolated $P 1 || exit 99
      $launch -- touch /tmp/ran; echo "second $?"; ls /tmp/ran
      sleep 2; node bin/run.js status $P; echo "status $?"
      dist/libexec/isol-exec --cpus=2-3 --housekeeping=0-1 --exclusive -- touch /tmp/ran; echo "shim $?"; ls /tmp/ran
      isolated $P 1 || exit 98
      kill $P; wait $P; echo "first $?"
      taskset -c 3 sleep 60 & $launch -- true; echo "bound $?"`)
    expect(text).toMatch(/error: CPU 3 is in use: poll\[\d+\] may run nowhere else/)
    expect(stdout).toContain('second 69')
    expect(text).toMatch(/isol-exec: CPU 3 is locked by threads\[\d+\], which isolctl launched/)
    expect(stdout).toContain('shim 69')
    expect(stdout).not.toMatch(/^\/tmp\/ran$/m)
    expect(stdout).toMatch(
      /1 of 1 worker isolated.*\n {2}CPU 3 +poll\[\d+\] +isolated +\d+\.\d+ s +1 start +0 breaks/,
    )
    expect(stdout).toMatch(/not isolated: threads\[\d+\] sleeps/)
    expect(stdout).toContain('status 0')
    expect(stdout).toContain('first 143')
    expect(text).toMatch(/error: CPU 3 is in use: sleep\[\d+\] may run nowhere else/)
    expect(stdout).toContain('bound 69')
  })
})

/** The isolated threads of all processes: "NAME CPU", sorted. */
const FAMILY = `
everywhere() { cat /proc/[0-9]*/task/*/task_isolation 2>/dev/null | grep -c '^state:.isolated'; }
family() { # family N: wait until that many threads are isolated
  for i in $(seq 200); do [ "$(everywhere)" -ge $1 ] && return 0; sleep 0.1; done
  echo "not isolated"; cat /tmp/status.json; return 1
}
pollers() { for p in $(grep -lx poll /proc/[0-9]*/comm); do basename $(dirname $p); done; }
followed() { n=$1; shift; $exec --cpus=2-3 --housekeeping=0-1 --wide --settle=50 --end-grace=2 --workers=$n --status-file=/tmp/status.json "$@" & P=$!; }
stopped() { wait $P; echo "$1: $?"; sleep 1; grep -o '"breakCount":[0-9]*' /tmp/status.json; }
`

describe('a program whose work other processes do', () => {
  it('is followed into them, and ends in order', async () => {
    const {text, stdout} = await guest(
      `
      forms=${forms}; ${FAMILY}
      followed 1 -- sh -c "$forms poll; exit 3"; family 1 || exit 99; kill -TERM $(pollers); stopped shell
      followed 1 -- env A=1 taskset -c 3 $forms poll; family 1 || exit 98; kill -TERM $P; stopped taskset
      followed 2 -- $forms prefork 2; family 2 || exit 97; sleep 1; kill -TERM $P; stopped prefork
      followed 2 -- taskset -c 2-3 $forms prefork 2; family 2 || exit 96; sleep 2
      [ "$(everywhere)" = 2 ] && echo "still two"; grep Cpus_allowed_list /proc/$P/status; kill -TERM $P; stopped several`,
      {timeoutMs: 540_000},
    )
    for (const line of ['shell: 3', 'taskset: 7', 'prefork: 5', 'several: 5'])
      expect(stdout, text).toContain(`${line}\n`)
    expect(stdout.match(/"breakCount":0$/gm), text).toHaveLength(4)
    expect(stdout, text).toContain('still two\nCpus_allowed_list:\t0-1\n')
    expect(text.match(/^ {2}CPU [23] {2}poll\[\d+\] +ended +isolated/gm), text).toHaveLength(6)
    expect(text).not.toContain('isolation lost')
  }, 600_000)

  it('is followed when it becomes a daemon, which stop finds by the program', async () => {
    const {text, stdout} = await guest(
      `
      forms=${forms}; ${FAMILY}
      followed 1 -- sh -c "$forms daemon"; family 1 || exit 95; sleep 2; [ "$(everywhere)" = 1 ] && echo "still one"
      node bin/run.js stop $P; echo "stop: $?"; stopped daemon`,
      {timeoutMs: 540_000},
    )
    for (const line of ['still one', 'stop: 0', 'daemon: 0', '"breakCount":0'])
      expect(stdout, text).toContain(`${line}\n`)
  }, 600_000)

  it('shows its CPUs at the start, and the scheduler moves nothing onto them', async () => {
    const {text, stdout} = await guest(`
      forms=${forms}; ${FAMILY}
      wide="$exec --cpus=2-3 --housekeeping=0-1 --wide --settle=50 --end-grace=2 --quiet --"
      $wide $forms affinity
      $wide taskset -c 2-3 $forms affinity
      $wide taskset -c 3 $forms affinity
      command -v numactl >/dev/null && $wide numactl --physcpubind=2-3 $forms affinity || echo "no numactl"
      # Forks, wake-ups and busy threads, none of which bound itself.
      before=$(awk '/^cpu[23] /{print $2+$3+$4}' /proc/stat | paste -sd' ')
      $wide sh -c 'for i in 1 2 3 4; do (for j in $(seq 10); do /bin/true | /bin/true; done) & done; wait'
      after=$(awk '/^cpu[23] /{print $2+$3+$4}' /proc/stat | paste -sd' ')
      echo "ticks $before -> $after"`)
    expect(stdout, text).toContain('0 1 2 3 of 4\n2 3 of 2\n3 of 1\n')
    if (!stdout.includes('no numactl')) expect(stdout, text).toContain('3 of 1\n2 3 of 2\n')
    const [, before, after] = /^ticks (.*) -> (.*)$/m.exec(stdout) ?? []
    const moved = (after ?? '').split(' ').map((ticks, i) => Number(ticks) - Number(before?.split(' ')[i]))
    expect(Math.max(...moved), text).toBeLessThan(5)
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
    expect(stdout.trim()).toMatch(/\n0$/) // no reporter runs any more
  })

  it('says why threads do not settle', async () => {
    const {text} = await guest(`
      for kind in call sleep fault; do $shim --settle=1000 -- ${threads} $kind & done
      sleep 14; kill $(pidof threads); sleep 1`)
    expect(text).toContain('has settled yet:')
    for (const why of ['makes system calls: getppid (110)', '] sleeps', 'has page faults'])
      expect(text).toContain(why)
  })

  it('isolates a thread again after every break with --on-break rearm', async () => {
    const {stdout, stderr} = await guest(`
      $shim --flags=0x3 --rearm --settle=50 --status-file=/tmp/status.json -- ${threads} float &
      for i in 1 2 3 4 5; do isolated $! 1 || exit 99; taskset -c 3 true; sleep 0.2; done
      isolated $! 1 || exit 99
      kill $!; wait $!; echo "ended $?"; sleep 1; cat /tmp/status.json`)
    expect(stdout, stderr).toContain('ended 143') // and not by abort(): its sums were always right
    expect(statusOf(stdout)).toMatchObject({starts: expect.toSatisfy((starts: number) => starts >= 6)})
    // The same break again and again is one line, and its count is in the table at the end.
    expect(stderr.match(/isolation lost/g)?.length, stderr).toBeLessThanOrEqual(
      statusOf(stdout).breaks.length,
    )
    expect(statusOf(stdout).breaks.reduce((sum, {count}) => sum + count, 0)).toBe(statusOf(stdout).breakCount)
  })

  it('changes nothing in a thread that enters and loses isolation repeatedly', async () => {
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

  it('never loses a wake-up or a signal, and changes nothing, while it enters repeatedly', async () => {
    const {stdout, stderr} = await guest(`
      $shim --flags=0x3 --rearm --settle=50 --status-file=/tmp/status.json -- ${storm} 12; echo "exit $?"
      sleep 1; cat /tmp/status.json`)
    expect(stdout, stderr).toMatch(
      /^storm: \d{4,} turns, (\d+) signals of \1, (\d+) wake-ups of \2, .*: unharmed/m,
    )
    expect(stdout).toContain('exit 0')
    expect(statusOf(stdout)).toMatchObject({starts: expect.toSatisfy((starts: number) => starts >= 2)})
  })

  it('reports a thread for which no launch CPU is left, and child processes that are not followed', async () => {
    const {stderr} = await guest(`
      $shim --settle=100 -- ${threads} poll poll & isolated $! 1 || exit 99
      sleep 5; kill $!
      $shim --settle=100 --no-follow -- sh -c 'sleep 13; :'`)
    expect(stderr).toMatch(/isolctl: poll\[\d+\] polls, and no launch CPU is left for it: it is not isolated/)
    expect(stderr).toContain('1 process that it started: --no-follow leaves it alone')
  })
})
