// SPDX-License-Identifier: MIT
/**
 * What the series costs other programs, in instructions. QEMU counts them, so that every run gives
 * the same numbers. The cases are: without the option, with the option on a machine without
 * isolated CPUs, and with an isolated task on another CPU.
 */
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import type {Row} from '../bench/subject.ts'
import {compile} from '../scripts/native.ts'
import {cpioArchive} from '../src/lab/cpio.ts'
import {labKernel} from '../src/lab/kernel.ts'
import {withPrivateFolder} from '../src/lib/files.ts'
import {logProgress} from '../src/ui/progress.ts'

const WHAT = ['syscall', 'pagefault', 'timer'] as const
type Counts = Readonly<Record<(typeof WHAT)[number], number>>

const ISOLATED = ['nohz_full=1', 'isolcpus=domain,managed_irq,1', 'rcu_nocbs=1', 'irqaffinity=0', 'isolate']

/**
 * npm run bench -- kernel-cost. The value of a count is instructions from user mode to user mode.
 */
export async function kernelCost(): Promise<readonly Row[]> {
  return await withPrivateFolder(async (folder) => {
    const progress = logProgress((line) => process.stderr.write(`${line}\n`))
    const kernels = {
      off: (await labKernel({progress, flavour: 'off'})).bzImage,
      on: (await labKernel({progress, flavour: 'lab'})).bzImage,
    }
    const program = join(folder, 'init')
    await compile(join(import.meta.dirname, 'cost.c'), program, join(folder, 'objects'))
    const initramfs = join(folder, 'initramfs')
    await writeFile(initramfs, cpioArchive([{path: 'init', mode: 0o755, contents: await readFile(program)}]))

    const off = await count(kernels.off, initramfs, [])
    const unused = await count(kernels.on, initramfs, [])
    const beside = await count(kernels.on, initramfs, ISOLATED)
    const besideOff = await count(kernels.off, initramfs, ISOLATED.slice(0, -1))

    const worst = Math.max(...WHAT.map((what) => unused[what] / off[what] - 1))
    return [
      ...WHAT.flatMap((what) => [
        row(`${what}, option off`, off[what]),
        row(`${what}, on, no isolated CPU`, unused[what], off[what]),
        row(`${what}, off, nohz_full=1`, besideOff[what]),
        row(`${what}, on, CPU 1 isolated`, beside[what], besideOff[what]),
      ]),
      {what: 'on and unused, at most', value: worst * 100, unit: '%', ratio: 'over option off (aim: 0.5 %)'},
    ]
  })
}

function row(what: string, value: number, against?: number): Row {
  const ratio = against === undefined ? {} : {ratio: `${((value / against - 1) * 100).toFixed(2)} % over off`}
  return {what, value, unit: 'instructions', ...ratio}
}

/**
 * Boot a kernel whose clock counts instructions. Throws Error if the machine does not print every
 * count.
 */
async function count(kernel: string, initramfs: string, bootArguments: readonly string[]): Promise<Counts> {
  const {stdout} = await execa(
    'qemu-system-x86_64',
    [
      ...[
        '-M',
        'q35',
        '-accel',
        'tcg,thread=single',
        '-icount',
        'shift=0,sleep=off',
        '-cpu',
        'max',
        '-smp',
        '2',
        '-m',
        '512',
      ],
      ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none', '-serial', 'stdio'],
      ...['-kernel', kernel, '-initrd', initramfs, '-append'],
      [
        'console=ttyS0',
        'quiet',
        'panic=-1',
        'no_timer_check',
        'tsc=reliable',
        'nowatchdog',
        ...bootArguments,
      ].join(' '),
    ],
    {stdin: 'ignore', timeout: 600_000},
  )
  if (bootArguments.includes('isolate') && !/^isolated 1\r?$/m.test(stdout))
    throw new Error(`no isolated task on CPU 1:\n${stdout}`)
  return Object.fromEntries(
    WHAT.map((what) => {
      const number = Number(new RegExp(`^${what} (\\d+)\\r?$`, 'm').exec(stdout)?.[1])
      if (!(number > 0)) throw new Error(`no count of ${what}:\n${stdout}`)
      return [what, number]
    }),
  ) as unknown as Counts
}
