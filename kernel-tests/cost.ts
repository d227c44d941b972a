// SPDX-License-Identifier: MIT
/**
 * npm run bench:kernel: what the series costs everybody else, in instructions, counted by QEMU and so the same in every run.
 * Three kernels: without the option, with it on a machine without isolated CPUs, and with an isolated task on another CPU.
 */

import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {cpioArchive} from '../src/lab/cpio.ts'
import {labKernel} from '../src/lab/kernel.ts'
import {withPrivateFolder} from '../src/lib/files.ts'
import {logProgress} from '../src/ui/progress.ts'

const WHAT = ['syscall', 'pagefault', 'timer'] as const
type Counts = Readonly<Record<(typeof WHAT)[number], number>>

const ISOLATED = ['nohz_full=1', 'isolcpus=domain,managed_irq,1', 'rcu_nocbs=1', 'irqaffinity=0', 'isolate']

await withPrivateFolder(async (folder) => {
  const progress = logProgress((line) => process.stderr.write(`${line}\n`))
  const kernels = {
    off: (await labKernel({progress, flavour: 'off'})).bzImage,
    on: (await labKernel({progress, flavour: 'lab'})).bzImage,
  }
  const program = join(folder, 'init')
  await execa('gcc', [
    '-static',
    '-O2',
    '-Wall',
    '-Werror',
    '-o',
    program,
    join(import.meta.dirname, 'cost.c'),
  ])
  const initramfs = join(folder, 'initramfs')
  await writeFile(initramfs, cpioArchive([{path: 'init', mode: 0o755, contents: await readFile(program)}]))

  const off = await count(kernels.off, initramfs, [])
  const unused = await count(kernels.on, initramfs, [])
  const beside = await count(kernels.on, initramfs, ISOLATED)
  const besideOff = await count(kernels.off, initramfs, ISOLATED.slice(0, -1))

  process.stdout.write(
    'instructions                option off    on, unused    off, nohz_full=1    on, CPU 1 isolated\n',
  )
  for (const what of WHAT)
    process.stdout.write(
      `${what.padEnd(24)} ${cell(off[what])} ${cell(unused[what], off[what])} ${cell(besideOff[what], undefined, 20)} ${cell(beside[what], besideOff[what], 20)}\n`,
    )
  const worst = Math.max(...WHAT.map((what) => unused[what] / off[what] - 1))
  process.stdout.write(`on and unused: at most ${(worst * 100).toFixed(2)} % over off (aim: 0.5 %)\n`)
})

/** "1234 (+0.21 %)" */
function cell(value: number, against?: number, width = 13): string {
  const text = against === undefined ? `${value}` : `${value} (${((value / against - 1) * 100).toFixed(2)} %)`
  return text.padStart(width)
}

/** Boots a kernel whose clock counts instructions. Throws when the machine does not say all it should. */
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
