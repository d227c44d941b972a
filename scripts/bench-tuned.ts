// SPDX-License-Identifier: MIT
/** preflight beside the tools that answer part of the same questions, in one lab machine, each several times in turn. */
import {execa} from 'execa'
import type {Row} from './bench-look.ts'

const TURNS = 3

/** A bus and the daemon first: tuned-adm only asks it. Each line of the answer is "NAME MILLISECONDS". */
const GUEST = `
mkdir -p /run/dbus /var/log/tuned
dbus-daemon --system --fork >/dev/null 2>&1
tuned --daemon --profile latency-performance >/dev/null 2>&1
for try in $(seq 60); do tuned-adm active 2>/dev/null | grep -q latency && break; sleep 1; done
tuned-adm active >&2
took() { # NAME COMMAND...
  name=$1; shift
  from=$(date +%s%N); "$@" >/dev/null 2>/tmp/complaint || true; to=$(date +%s%N)
  echo "$name $(( (to - from) / 1000000 ))"
}
for turn in $(seq ${TURNS}); do
  took tuned-adm tuned-adm verify
  took show_threads tuna --show_threads
  took show_irqs tuna --show_irqs
  took preflight node bin/run.js preflight --passive --window 1s --quiet
  took look node bin/run.js preflight --passive --quiet --skip "$1"
done
`

/** Checks that watch for a while: the others have nothing of the kind. */
const WATCHING =
  'irq-count-delta,nmi-pmi-delta,stray-tasks-present,kthread-percpu-quiet,rq-nr-switches,rq-nr-running'

export async function compareWithTuned(): Promise<readonly Row[]> {
  const {stdout, stderr} = await execa(
    'node',
    ['bin/run.js', 'lab', 'run', '--quiet', '--', 'sh', '-c', GUEST, 'bench', WATCHING],
    {reject: false},
  )
  const times = [...stdout.matchAll(/^([\w-]+) (\d+)$/gm)]
  if (times.length < 5 * TURNS) throw new Error(`the lab did not measure: ${stdout}${stderr}`)
  const best = (name: string) =>
    Math.min(...times.filter(([, what]) => what === name).map(([, , ms]) => Number(ms))) / 1000
  const theirs = best('tuned-adm') + best('show_threads') + best('show_irqs')
  const share = (seconds: number) => `${((seconds / theirs) * 100).toFixed(0)} % of the three together`
  return [
    {what: 'lab: tuned-adm verify', seconds: best('tuned-adm'), ratio: stderr.trim()},
    {what: 'lab: tuna --show_threads', seconds: best('show_threads')},
    {what: 'lab: tuna --show_irqs', seconds: best('show_irqs')},
    {what: 'lab: preflight --passive, no window', seconds: best('look'), ratio: share(best('look'))},
    {what: 'lab: the same watching for 1 s', seconds: best('preflight'), ratio: share(best('preflight'))},
  ]
}
