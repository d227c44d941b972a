// SPDX-License-Identifier: MIT
/** Apply, reboot and undo in a real Debian: tests that need a boot loader and systemd. */
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import type {z} from 'zod'
import {type ApplyReport, ApplySchema, StatusSchema, UndoSchema} from '../../src/schema/machine.ts'
import {ReportSchema} from '../../src/schema/preflight.ts'
import {bootReport, startVm, type Vm} from './support/machine.ts'
import {
  CPUS,
  cutting,
  inside,
  LOADERS,
  openWorkshop,
  settled,
  WORDS,
  type Workshop,
} from './support/workshop.ts'

let workshop: Workshop
beforeAll(async () => {
  workshop = await openWorkshop()
})
afterAll(() => workshop.close())

const CONFIG = 'isolated: "2"\nsteps:\n  also: [systemd-slices]\n'
const CONFIGURE = `mkdir -p /etc/isolctl && printf '${CONFIG.replaceAll('\n', '\\n')}' >/etc/isolctl/config.yaml`

/**
 * The files that apply writes for the next boots, in a folder. GRUB's environment is compared
 * separately.
 */
const copyTo = (folder: string) => `mkdir ${folder} && cd / && for path in \
    etc/default etc/kernel etc/systemd boot/grub/grub.cfg boot/grub/custom.cfg boot/efi/loader; do
    [ ! -e $path ] || cp -a --parents $path ${folder}; done; rm -f ${folder}/boot/efi/loader/random-seed`
const KEEP = copyTo('/root/before')
/** The differences to the kept files; empty when there are none. */
const DIFFERENCE = `rm -rf /root/now; ${copyTo('/root/now')}; diff -ru --no-dereference /root/before /root/now; true`

/**
 * The values that apply set at run time. Interrupts are identified by their names, because their
 * numbers change with a reboot. The one of a controller without a disk exists only while its driver
 * is bound.
 */
const AFFINITIES = `cat /proc/irq/default_smp_affinity /sys/devices/virtual/workqueue/cpumask
  for irq in /proc/irq/[0-9]*; do echo "irq $(cat /sys/kernel/irq/\${irq##*/}/actions) $(cat $irq/smp_affinity_list)"; done | grep -v ahci | sort
  cat /proc/sys/vm/stat_interval /proc/sys/kernel/timer_migration /proc/sys/kernel/sched_rt_runtime_us
  for slice in init.scope system.slice user.slice; do echo "$slice $(cat /sys/fs/cgroup/$slice/cpuset.cpus 2>/dev/null)"; done`

/** The isolation arguments of a command line. */
const isolating = (cmdline: string) =>
  cmdline.split(/\s+/).filter((word) => /^(isolcpus|nohz_full|rcu_nocbs|irqaffinity)=/.test(word))

const json = async (vm: Vm, command: string) => {
  const {stdout, stderr, exitCode} = await vm.sh(`${command} --json`)
  if (!stdout.startsWith('{')) throw new Error(`${command}: exit ${exitCode}: ${stdout}${stderr}`)
  return {exitCode, report: JSON.parse(stdout) as unknown}
}
const failureOf = ({error, undone = []}: ApplyReport) => ({
  error,
  left: undone.filter(({result}) => result === 'conflict' || result === 'failed'),
})

describe.for(LOADERS)('%s', (loader) => {
  test('a machine is isolated at boot, stays isolated, and is as before after undo', async () => {
    // Soft assertions: a run takes minutes, and should report all failures.
    await using vm = await startVm({...(await workshop.machine(loader)), cpus: CPUS})
    await vm.ready()
    await settled(vm)
    await vm.must(KEEP)
    const look = async () => ({files: await vm.must(DIFFERENCE), affinities: await vm.must(AFFINITIES)})
    const before = {...(await look()), cmdline: await vm.must('cat /proc/cmdline')}
    expect.soft(before.files).toBe('')
    await vm.must(CONFIGURE)

    // There is no confirmation: systemd's timer undoes the run, although the shell has ended by
    // then.
    const awaited = await json(vm, 'isolctl apply --yes --persist --confirm-within 2s')
    const tried = ApplySchema.parse(awaited.report)
    expect
      .soft([awaited.exitCode, tried.outcome, failureOf(tried)])
      .toEqual([11, 'applied', {error: undefined, left: []}])
    await vm.must(
      `for try in $(seq 60); do isolctl status --json | tr -d ' \\n' | grep -q '"changes":\\[\\]' && break; sleep 2; done`,
    )
    expect.soft(await look()).toEqual({files: before.files, affinities: before.affinities})
    expect.soft(await vm.sh('isolctl confirm')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('was taken back'),
    })

    const first = await json(vm, 'isolctl apply --yes --persist')
    const applied = ApplySchema.parse(first.report)
    expect
      .soft([first.exitCode, applied.outcome, applied.rebootPending, applied.unknown])
      .toEqual([11, 'applied', true, []])
    await vm.must('systemd-analyze verify isolctl.service && systemctl is-enabled isolctl.service')
    await vm.reboot()
    await settled(vm)

    const cmdline = await vm.must('cat /proc/cmdline')
    expect.soft(isolating(cmdline)).toEqual(WORDS)
    expect
      .soft(await vm.must('cat /sys/devices/system/cpu/isolated /sys/devices/system/cpu/nohz_full'))
      .toBe('2\n2\n')
    expect
      .soft(await vm.must('systemctl show -p ActiveState,Result --value isolctl.service'))
      .toBe('success\nactive\n')
    const reached = async (unit: string) =>
      Number(await vm.must(`systemctl show -p ActiveEnterTimestampMonotonic --value ${unit}`))
    expect.soft(await reached('sysinit.target')).toBeLessThanOrEqual(await reached('isolctl.service'))
    expect.soft(await reached('isolctl.service')).toBeLessThanOrEqual(await reached('basic.target'))
    expect.soft(await vm.must('journalctl -b -u isolctl.service --no-pager')).toMatch(/applied: \d+ changes/)
    expect
      .soft(
        await vm.must(
          'cd /sys/fs/cgroup && cat init.scope/cpuset.cpus.effective system.slice/cpuset.cpus.effective',
        ),
      )
      .toBe('0-1\n0-1\n')

    const status = await json(vm, 'isolctl status')
    const there = StatusSchema.parse(status.report)
    expect.soft([status.exitCode, there.ok, there.unfinished]).toEqual([0, true, []])
    expect.soft(there.changes.map(({state}) => state)).not.toContain('drifted')
    expect.soft(there.goneAtReboot).toBeGreaterThan(0)
    // Nothing remains to do, and a second apply changes nothing.
    expect.soft(await vm.sh('isolctl plan --persist')).toMatchObject({exitCode: 0})

    const judged = ReportSchema.parse((await json(vm, 'isolctl preflight --window 3s')).report)
    expect.soft(judged.measured?.map(({cpu}) => cpu)).toEqual([2])
    expect.soft(judged.checks.filter((each) => !isGreen(each) && !isNotToBeHad(each))).toEqual([])

    const undo = await json(vm, 'isolctl undo')
    expect.soft([undo.exitCode, UndoSchema.parse(undo.report).ok]).toEqual([0, true])
    expect.soft(await vm.must(DIFFERENCE)).toBe('')
    await vm.reboot()
    await settled(vm)
    expect.soft(await vm.must('cat /proc/cmdline')).toBe(before.cmdline)
    expect.soft(await look()).toEqual({files: before.files, affinities: before.affinities})
    expect.soft(await vm.must('systemctl list-unit-files --no-legend "isolctl*"; true')).toBe('')
    await vm.powerOff()
  })

  const STEP = 'isolctl apply --only boot-arguments --cpus 2 --yes'

  test('apply that is killed in the boot step is undone by undo, byte for byte', async () => {
    await inside({...(await workshop.machine(loader)), cpus: CPUS}, async (vm) => {
      await vm.must(KEEP)
      // Killed after this number of journal lines: before the first change, between changes, and
      // while grub.cfg is generated.
      for (const lines of loader === 'grub' ? [2, 5, 6, 7] : [2, 3, 5]) {
        await vm.must(`log=/var/lib/isolctl/journal.jsonl; mkdir -p \${log%/*}; touch $log
          goal=$(($(wc -l <$log) + ${lines}))
          setsid ${STEP} >/dev/null 2>&1 & pid=$!
          until [ $(wc -l <$log) -ge $goal ] || ! kill -0 $pid; do :; done
          kill -9 $pid`)
        const unfinished = await json(vm, 'isolctl status')
        expect(StatusSchema.parse(unfinished.report).unfinished, `killed after ${lines} lines`).toHaveLength(
          1,
        )
        await vm.must('isolctl undo --quiet')
        expect(await vm.must(DIFFERENCE), `killed after ${lines} lines`).toBe('')
      }
      expect(await vm.sh(STEP)).toMatchObject({exitCode: 11})
    })
  })

  test('a power cut at any moment of the boot step: the machine boots with all of the arguments or none', async () => {
    const options = {...(await workshop.machine(loader)), cpus: CPUS}
    const {exitCode, left} = await inside(options, async (vm) => {
      await vm.must(`${KEEP}; sync`)
      return await cutting(vm, STEP)
    })
    expect(exitCode).toBe(11)
    expect(left.length).toBeGreaterThan(4)
    const booted: string[] = []
    for (const remains of left) booted.push(isolating((await bootReport(remains)).cmdline).join(' '))
    for (const words of booted) expect(['', WORDS.join(' ')]).toContain(words)
    expect([booted[0], booted.at(-1)]).toEqual(['', WORDS.join(' ')])
    // During the step, and right after its end: everything can be undone and applied again.
    for (const remains of [left.at(-3), left.at(-1)])
      await inside(remains ?? options, async (vm) => {
        await vm.must('isolctl undo --quiet')
        expect(await vm.must(DIFFERENCE)).toBe('')
        expect(await vm.sh(STEP)).toMatchObject({exitCode: 11})
      })
  })
})

type Judged = z.output<typeof ReportSchema>['checks'][number]

const isGreen = ({status}: Judged) => status === 'ok' || status === 'skip'

/**
 * Failures that an emulated machine with Debian's kernel cannot avoid. Its time stamp counter is
 * not reliable, so the clock source watchdog runs on one CPU after the other.
 */
const isNotToBeHad = ({id, status, findings = []}: Judged) =>
  (status === 'warn' &&
    ['kernel-task-isolation-abi', 'virt-guest', 'clocksource-watchdog-off'].includes(id)) ||
  (findings.length > 0 && findings.every(({subject}) => subject === 'clock source watchdog'))
