// SPDX-License-Identifier: MIT
/**
 * npm run kernel:debug [-- CALLS]: the selftest, and random calls (a million by default), on the
 * debug flavour. Fails on any report of lockdep, KASAN, UBSAN, the checks of the entry code, RCU or
 * kmemleak.
 */
import {labKernel} from '../src/lab/kernel.ts'
import {runInLab} from '../src/lab/run.ts'
import {withPrivateFolder} from '../src/lib/files.ts'
import {logProgress} from '../src/ui/progress.ts'
import {compileSelftests} from './selftests.ts'
import {parseTap} from './tap.ts'

const calls = Number(process.argv[2] ?? 1_000_000)
const progress = logProgress((line) => process.stderr.write(`${line}\n`))
/**
 * How reports begin. A call trace alone is not a report, because the selftest requests one (sysrq).
 * A slow NMI handler is not a report either, because every NMI is slow on an emulated machine.
 */
const COMPLAINTS =
  /WARNING|BUG:|Oops|UBSAN|KASAN|INFO: (?!NMI handler)|possible |suspicious |\bstalls?\b|illegal/

await withPrivateFolder(async (folder) => {
  const {bzImage} = await labKernel({progress, flavour: 'debug'})
  const {selftest, fuzz} = await compileSelftests(folder, progress)
  // kmemleak scans twice: it reports a leak only if the object is older than the first scan.
  const script = `"$0" 3; "$1" ${calls}; cd /sys/kernel/debug && echo scan >kmemleak && sleep 6 && echo scan >kmemleak && cat kmemleak >&2 && echo "# scanned for leaks"`
  const {stdout, stderr, console} = await runInLab(['/bin/sh', '-c', script, selftest, fuzz], {
    kernel: bzImage,
    memoryMb: 4096,
    timeoutMs: 4 * 3_600_000,
    bootTimeoutMs: 600_000,
    onStdout: (chunk) => void process.stdout.write(chunk),
  })
  const bad = parseTap(stdout).results.filter(({result}) => result !== 'ok')
  const complaints = console
    .split('\n')
    .filter((line) => COMPLAINTS.test(line) && !/isolation lost after/.test(line))
  for (const {name, result} of bad) process.stdout.write(`${result}: ${name}\n`)
  for (const line of complaints) process.stdout.write(`kernel: ${line}\n`)
  process.stdout.write(stderr)
  const leaks = /unreferenced object/.test(stderr)
  const done = /^ok 1 fuzz$/m.test(stdout) && stdout.includes('# scanned for leaks')
  const good = bad.length === 0 && complaints.length === 0 && !leaks && done
  process.stdout.write(good ? 'the debug kernel reports nothing\n' : 'FAIL\n')
  process.exitCode = good ? 0 : 1
})
