// SPDX-License-Identifier: MIT
/**
 * preflight and tools that answer part of the same questions, in one lab machine, each several
 * times in turn. Their packages are unpacked in the lab machine and not installed on the host,
 * because Debian starts the daemons that it installs, and tuned would change the settings of the
 * host.
 */
import {chmod, mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {withPrivateFolder} from '../src/lib/files.ts'
import type {Row} from './subject.ts'

const TURNS = 3
/** Sleeping tasks of the second round, because a real machine has many. */
const TASKS = 2000
const PACKAGES = ['tuned', 'tuna', 'dbus']

/**
 * D-Bus and the daemon come first, because tuned-adm asks the daemon. Each line of the answer is
 * "NAME MILLISECONDS STATUS".
 */
const GUEST = `
for package in "$1"/*.deb; do dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C / || exit 9; done
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
  from=$(date +%s%N); "$@" >/tmp/output 2>&1; status=$?; to=$(date +%s%N)
  echo "$name $(( (to - from) / 1000000 )) $status"
}
turns() {
  for turn in $(seq ${TURNS}); do
    took $1.tuned-adm tuned-adm verify
    took $1.show_threads tuna ${'$'}{dashes}show_threads
    took $1.show_irqs tuna ${'$'}{dashes}show_irqs
    took $1.node node -e 0
    took $1.loaded node -e 'import("./dist/isolctl.js")'
    took $1.all node bin/run.js preflight --passive --quiet --skip "$2"
    took $1.covered node bin/run.js preflight --passive --quiet --only "$3"
  done
}
turns idle "$2" "$3"
for task in $(seq ${TASKS}); do sleep 100000 & done
turns busy "$2" "$3"
`

/** Checks that watch for some time; the other tools have no such checks. */
const WATCHING =
  'irq-count-delta,nmi-pmi-delta,stray-tasks-present,kthread-percpu-quiet,rq-nr-switches,rq-nr-running'
/**
 * The checks of what the other tools cover: the affinity of threads and interrupts, and the
 * settings of the profile.
 */
const COVERED = [
  ...['irq-affinity-requested', 'irq-affinity-effective', 'irq-threads', 'stray-tasks-allowed'],
  ...['kthread-unbound-affinity', 'kthread-percpu-legit', 'rcu-threads-moved', 'pid1-affinity'],
  ...['cpufreq-policy', 'cstate-limit', 'pm-qos-resume', 'memory-daemons', 'competing-tuners'],
].join()

/** Needs the package lists of Debian or Ubuntu (apt-get update), and the network. */
export async function compareWithTuned(): Promise<readonly Row[]> {
  return await withPrivateFolder(async (folder) => {
    await chmod(folder, 0o755) // apt downloads as another user
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
  const runs = [...stdout.matchAll(/^([\w.-]+) (\d+) (\d+)$/gm)].map(([, name, ms, status]) => ({
    name,
    seconds: Number(ms) / 1000,
    status,
  }))
  if (runs.length < 14 * TURNS)
    throw new Error(`the lab machine did not print all measurements: ${stdout}${stderr}`)
  return (['idle', 'busy'] as const).flatMap((machine) => {
    const best = (tool: string) => {
      const mine = runs.filter(({name}) => name === `${machine}.${tool}`)
      return {
        seconds: Math.min(...mine.map(({seconds}) => seconds)),
        statuses: `exit status ${mine.map(({status}) => status).join()}`,
      }
    }
    const theirs = ['tuned-adm', 'show_threads', 'show_irqs']
    const together = theirs.reduce((sum, tool) => sum + best(tool).seconds, 0)
    const row = (what: string, tool: string): Row => {
      const {seconds, statuses} = best(tool)
      const share = `${((seconds / together) * 100).toFixed(0)} % of the three together`
      return {
        what: `${machine === 'idle' ? 'lab' : `lab, ${TASKS} more tasks`}: ${what}`,
        value: seconds,
        unit: 's',
        ratio: theirs.includes(tool) ? statuses : `${share}, ${statuses}`,
      }
    }
    return [
      row('tuned-adm verify', 'tuned-adm'),
      row('tuna show_threads', 'show_threads'),
      row('tuna show_irqs', 'show_irqs'),
      row('preflight, the part they cover', 'covered'),
      row('preflight, all without window', 'all'),
      row('isolctl loaded, no command run', 'loaded'),
      row('node -e 0', 'node'),
    ]
  })
}
