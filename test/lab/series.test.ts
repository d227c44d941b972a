// SPDX-License-Identifier: MIT
/**
 * The kernel series in the kernel that it builds: its selftest, and the tests that need another
 * boot. `npm run kernel:bisect` and `npm run kernel:debug` test every single patch, the debug
 * flavour and the long fuzz.
 */
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {compileSelftests} from '../../kernel-tests/selftests.ts'
import {parseTap} from '../../kernel-tests/tap.ts'
import {labKernel} from '../../src/lab/kernel.ts'
import {type LabOptions, runInLab} from '../../src/lab/run.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {logProgress} from '../../src/ui/progress.ts'
import {testKernel} from './kernel.ts'

const progress = logProgress((line) => process.stderr.write(`${line}\n`))

let kernel: string
let folder: string
let selftest: string
let fuzz: string

beforeAll(async () => {
  kernel = await testKernel()
  folder = await mkdtemp(join(tmpdir(), 'series-test-'))
  ;({selftest, fuzz} = await compileSelftests(folder, progress))
})

afterAll(async () => {
  await rm(folder, {recursive: true, force: true})
})

const lab = (command: readonly [string, ...string[]], options: Partial<LabOptions> = {}) =>
  runInLab(command, {kernel, ...options})

describe('the kernel', () => {
  test('passes its selftest', async () => {
    const {stdout, console} = await lab([selftest, '3'])
    const {planned, results} = parseTap(stdout)
    expect(results.filter(({result}) => result !== 'ok')).toEqual([])
    expect(results).toHaveLength(planned)
    expect(planned).toBeGreaterThan(30)
    expect(console).not.toMatch(/WARNING: |BUG: |Oops|RCU stall|possible recursive locking/)
    // The kernel warns that it runs in a guest.
    expect(console).toContain('task_isolation: this is a virtual machine')
  })

  test('survives random calls', async () => {
    const {stdout, console, exitCode} = await lab([fuzz, '60000'])
    expect(stdout).toMatch(/^ok 1 fuzz$/m)
    expect(exitCode).toBe(0)
    expect(console).not.toMatch(/WARNING: |BUG: |Oops/)
  })

  test('reports both sides of an interruption with task_isolation_debug', async () => {
    const number = await numberOf('munmap and mprotect by a sibling')
    const {stdout, console} = await lab([selftest, '1', `${number}`], {append: ['task_isolation_debug']})
    expect(stdout).toMatch(/^ok 1 munmap/m)
    expect(console).toMatch(
      /task_isolation: interrupted by task_isolation\[\d+\] on CPU 0:\s*\n(?:[^\n]*\n){1,12}[^\n]*unmap/,
    )
    expect(console).toMatch(/RIP: 0033:/)
  })

  test('checks its clocks on housekeeping CPUs only', async () => {
    const script =
      'cd /sys/kernel/tracing && echo 1 >events/timer/timer_expire_entry/enable && sleep 8 && ' +
      "grep -o '\\[[0-9]*\\].*function=clocksource_watchdog ' trace | cut -c1-5 | sort | uniq -c"
    const {stdout} = await lab(['/bin/sh', '-c', script], {
      bootArguments: ['isolcpus=domain,managed_irq,2-3', 'nohz_full=2-3', 'rcu_nocbs=2-3', 'irqaffinity=0-1'],
      isolated: CpuSet.parse('2-3'),
    })
    const cpus = [...stdout.matchAll(/\[(\d+)\]/g)].map(([, cpu]) => Number(cpu))
    expect(cpus).toEqual([0, 1])
  })
})

describe('a kernel without TASK_ISOLATION', () => {
  let kernelWithout: string
  beforeAll(async () => {
    kernelWithout = (await labKernel({progress, flavour: 'off'})).bzImage
  })

  test('has none of its files', async () => {
    const {stdout, exitCode} = await lab(
      [
        '/bin/sh',
        '-c',
        'ls /sys/devices/system/cpu/task_isolation /proc/self/task_isolation; "$0"; echo $?',
        selftest,
      ],
      {kernel: kernelWithout},
    )
    expect(stdout).toContain('# SKIP no task isolation in this kernel')
    expect(stdout.trim().split('\n').at(-1)).toBe('4')
    expect(stdout).not.toMatch(/^\/(sys|proc)/m)
    expect(exitCode).toBe(0)
  })
})

/** The selftest's number of a test, for its second argument. */
async function numberOf(name: string): Promise<number> {
  const {stdout} = await lab([selftest, '--list'])
  const line = stdout.split('\n').find((text) => text.endsWith(` ${name}`))
  return Number(line?.split(' ')[0])
}
