// SPDX-License-Identifier: MIT
/**
 * preflight beside the tools that answer part of the same questions, in one lab machine, each several times in turn.
 * Theirs are unpacked in the machine and not installed here: Debian starts the daemons that it installs, and this one
 * would set the machine up anew.
 */
import {chmod, mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {withPrivateFolder} from '../src/lib/files.ts'
import type {Row} from './bench-look.ts'

const TURNS = 3
const PACKAGES = ['tuned', 'tuna', 'dbus']

/** A bus and the daemon first: tuned-adm only asks it. Each line of the answer is "NAME MILLISECONDS STATUS". */
const GUEST = `
for package in "$1"/*.deb; do dpkg-deb -x "$package" / || exit 9; done
grep -q ^messagebus: /etc/passwd || echo 'messagebus:x:999:999::/:/usr/sbin/nologin' >>/etc/passwd
grep -q ^messagebus: /etc/group || echo 'messagebus:x:999:' >>/etc/group
mkdir -p /run/dbus /var/log/tuned
dbus-uuidgen --ensure
dbus-daemon --system --fork
tuned --daemon --profile latency-performance
for try in $(seq 60); do tuned-adm active 2>/dev/null | grep -q latency && break; sleep 1; done
tuned-adm active >&2
dashes=--; tuna --help | grep -q -- --show_threads || dashes=
took() { # NAME COMMAND...
  name=$1; shift
  from=$(date +%s%N); "$@" >/tmp/said 2>&1; status=$?; to=$(date +%s%N)
  echo "$name $(( (to - from) / 1000000 )) $status"
}
for turn in $(seq ${TURNS}); do
  took tuned-adm tuned-adm verify
  took show_threads tuna ${'$'}{dashes}show_threads
  took show_irqs tuna ${'$'}{dashes}show_irqs
  took all node bin/run.js preflight --passive --quiet --skip "$2"
  took covered node bin/run.js preflight --passive --quiet --only "$3"
done
`

/** Checks that watch for a while: theirs have nothing of the kind. */
const WATCHING =
  'irq-count-delta,nmi-pmi-delta,stray-tasks-present,kthread-percpu-quiet,rq-nr-switches,rq-nr-running'
/** Where threads and interrupts may go and do go, and the settings that the profile makes. */
const COVERED = [
  ...['irq-affinity-requested', 'irq-affinity-effective', 'irq-threads', 'stray-tasks-allowed'],
  ...['kthread-unbound-affinity', 'kthread-percpu-legit', 'rcu-threads-moved', 'pid1-affinity'],
  ...['cpufreq-policy', 'cstate-limit', 'pm-qos-resume', 'memory-daemons', 'competing-tuners'],
].join()

/** Needs the package lists of Debian or Ubuntu (apt-get update), and the network. */
export async function compareWithTuned(): Promise<readonly Row[]> {
  return await withPrivateFolder(async (folder) => {
    await chmod(folder, 0o755) // apt fetches as a user of its own
    await mkdir(join(folder, 'partial'))
    const options = [`Dir::Cache::archives=${folder}`, 'Debug::NoLocking=true'].flatMap((option) => [
      '-o',
      option,
    ])
    await execa('apt-get', [
      ...['install', '--download-only', '--reinstall', '-y', '-q', '--no-install-recommends'],
      ...options,
      ...PACKAGES,
    ])
    const kernel = process.env['ISOLCTL_LAB_KERNEL']
    const {stdout, stderr} = await execa(
      'node',
      [
        ...['bin/run.js', 'lab', 'run', '--quiet', ...(kernel ? ['--kernel', kernel] : [])],
        ...['--', 'sh', '-c', GUEST, 'bench', folder, WATCHING, COVERED],
      ],
      {reject: false},
    )
    return rowsOf(stdout, stderr)
  })
}

function rowsOf(stdout: string, stderr: string): readonly Row[] {
  const runs = [...stdout.matchAll(/^([\w-]+) (\d+) (\d+)$/gm)].map(([, name, ms, status]) => ({
    name,
    seconds: Number(ms) / 1000,
    status,
  }))
  if (runs.length < 5 * TURNS) throw new Error(`the lab did not measure: ${stdout}${stderr}`)
  const best = (wanted: string) => {
    const [first, ...rest] = runs.filter(({name}) => name === wanted).sort((a, b) => a.seconds - b.seconds)
    if (first === undefined) throw new Error(`${wanted} was not measured`)
    return {seconds: first.seconds, ratio: `exit status ${[first, ...rest].map(({status}) => status).join()}`}
  }
  const theirs = ['tuned-adm', 'show_threads', 'show_irqs'].reduce((sum, name) => sum + best(name).seconds, 0)
  const share = (name: string) => {
    const {seconds, ratio} = best(name)
    return {seconds, ratio: `${((seconds / theirs) * 100).toFixed(0)} % of the three together, ${ratio}`}
  }
  return [
    {what: 'lab: tuned-adm verify', ...best('tuned-adm')},
    {what: 'lab: tuna show_threads', ...best('show_threads')},
    {what: 'lab: tuna show_irqs', ...best('show_irqs')},
    {what: 'lab: preflight, what they cover', ...share('covered')},
    {what: 'lab: preflight, all without window', ...share('all')},
  ]
}
