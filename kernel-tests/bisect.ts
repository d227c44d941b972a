// SPDX-License-Identifier: MIT
/**
 * Shows that the series is bisectable: after each patch the kernel builds without a warning, with
 * the option on and off, and boots. It also shows that with the option off every instruction of the
 * entry code is the same.
 *
 *   npm run kernel:bisect                every patch; two cold builds, one build per patch: over an hour
 *   npm run kernel:bisect -- --from 5    builds and boots from this patch on
 *   npm run kernel:bisect -- --final     only the entry code of the whole series; CI runs this
 */

import {readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {parseArgs} from 'node:util'
import {runInLab} from '../src/lab/run.ts'
import {differences, entryCode} from './entry-code.ts'
import {type Workshop, withWorkshop} from './workshop.ts'

const CONFIGURATIONS = {on: ['lab', 'isolation'], off: ['lab', 'isolation', 'off']} as const

const {values} = parseArgs({
  options: {final: {type: 'boolean', default: false}, from: {type: 'string', default: '1'}},
})
const from = Number(values.from)

let failed = 0
await withWorkshop(async (workshop) => {
  const {patches} = workshop.series
  const off = await workshop.configure('off', CONFIGURATIONS.off)
  const before = await entryCode(workshop, off)
  for (const [index, patch] of patches.entries()) {
    await workshop.apply(patch)
    if (values.final || index + 1 < from) continue
    for (const name of ['on', 'off'] as const)
      await check(workshop, name, `${index + 1}/${patches.length} ${patch.name}`)
  }
  await workshop.make(off, ['olddefconfig'])
  const changed = differences(before, await entryCode(workshop, off))
  report(changed.length === 0, 'entry code with the option off', changed.join(', '))
})
process.stdout.write(failed === 0 ? 'bisectable\n' : `${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1

/** Build one configuration after one patch, and boot it to its first command. */
async function check(workshop: Workshop, name: keyof typeof CONFIGURATIONS, title: string): Promise<void> {
  const what = `${title}, option ${name}`
  try {
    const objects = await workshop.configure(name, CONFIGURATIONS[name])
    const known = /^config TASK_ISOLATION$/m.test(await readFile(join(workshop.tree, 'init/Kconfig'), 'utf8'))
    if (name === 'off' && !known) return // no patch so far has the option
    const warnings = await workshop.make(objects, ['bzImage'])
    const {stdout, console} = await runInLab(
      ['/bin/sh', '-c', 'uname -r; cat /sys/devices/system/cpu/nohz_full'],
      {
        kernel: join(objects, 'arch/x86/boot/bzImage'),
      },
    )
    const complaint = /WARNING: .*|BUG: .*/.exec(console)?.[0]
    report(
      stdout.endsWith('\n2-3\n') && !complaint && warnings.length === 0,
      what,
      complaint ?? warnings[0] ?? '',
    )
  } catch (error) {
    report(false, what, (error as Error).message)
  }
}

function report(good: boolean, what: string, detail: string): void {
  if (!good) failed++
  process.stdout.write(`${good ? 'ok  ' : 'FAIL'} ${what}${good || detail === '' ? '' : `: ${detail}`}\n`)
}
