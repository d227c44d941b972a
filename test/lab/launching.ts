// SPDX-License-Identifier: MIT
import {expect} from 'vitest'
import {runInLab} from '../../src/lab/run.ts'
import {packageRoot} from '../../src/lib/assets.ts'
import {type LaunchReport, LaunchSchema} from '../../src/schema/launch.ts'

/** Shell functions for the guest. CPUs 2 and 3 are isolated. */
const PRELUDE = `
exec=dist/libexec/isol-exec samples=dist/libexec/samples
shim="$exec --cpus=3 --housekeeping=0-1" # no function: $! must be the program's
# isolated PID N [TENTHS]: wait until that many threads of a process are isolated, for at most 20 s
isolated() {
  for i in $(seq \${3:-200}); do
    [ "$(cat /proc/$1/task/*/task_isolation 2>/dev/null | grep -c '^state:.isolated')" -ge $2 ] && return 0
    sleep 0.1
  done
  echo "not isolated:"; grep . /proc/$1/task/*/task_isolation; return 1
}
interrupts() { echo "<interrupts>"; cat /proc/interrupts; echo "</interrupts>"; }
sleep 2 # the clock source settles
`

/** Run a script in the lab with those functions. `text` has both streams. */
export async function launchGuest(
  script: string,
  {kernel, timeoutMs = 240_000}: {kernel: string; timeoutMs?: number},
) {
  const result = await runInLab(['/bin/sh', '-c', PRELUDE + script], {
    kernel,
    timeoutMs,
    cwd: packageRoot,
  })
  return {...result, text: `${result.stdout}\n--- stderr\n${result.stderr}`}
}

/** The number of interrupts of each kind on a CPU, from /proc/interrupts. */
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

/** The interrupts of a CPU between the two snapshots of an output; {} when there were none. */
export function between(stdout: string, cpu: number): Record<string, number> {
  const snapshots = [...stdout.matchAll(/<interrupts>\n([\s\S]*?)<\/interrupts>/g)]
  const [before, after] = snapshots.map(([, text = '']) => countsOf(text, cpu))
  expect(before?.size).toBeGreaterThan(5)
  return Object.fromEntries(
    [...(after ?? [])]
      .map(([name, count]) => [name, count - (before?.get(name) ?? 0)] as const)
      .filter(([, count]) => count !== 0 && !Number.isNaN(count)),
  )
}

/** The report of a status file that was printed. */
export const statusOf = (stdout: string): LaunchReport =>
  LaunchSchema.parse(JSON.parse(/^\{"schema":"isolctl.launch.*$/m.exec(stdout)?.[0] ?? '{}'))
