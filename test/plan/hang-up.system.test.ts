// SPDX-License-Identifier: MIT
import {existsSync, readFileSync} from 'node:fs'
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {dirname, join} from 'node:path'
import {setTimeout as sleep} from 'node:timers/promises'
import {build} from 'esbuild'
import {execa} from 'execa'
import {afterAll, afterEach, beforeAll, beforeEach, expect, test} from 'vitest'
import {parseJournal} from '../../src/model/journal.ts'
import {seed, share, shuffled} from '../support/hostile.ts'

const CHANGES = 300
const AT = [1, 2, 3, 64, 65, 150, 299, 300]
/** `npm run test:hostile` takes as many of all changes as this time allows, in the order of its seed. */
const HOSTILE_MS = share(1 / 2)
/** In memory where that is possible: each run waits for the disk some hundred times. */
const SCRATCH = join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'isolctl-test-')

let root = ''
const plantMachine = async (root: string) => {
  await rm(root, {recursive: true, force: true})
  for (const [path, text] of [
    ['proc/sys/kernel/random', 'boot_id'],
    ...Array.from({length: CHANGES}, (_, irq) => [`proc/irq/${irq}`, 'smp_affinity_list']),
  ] as [string, string][]) {
    await mkdir(join(root, path), {recursive: true})
    await writeFile(join(root, path, text), '0-7\n')
  }
}
beforeEach(async () => {
  root = await mkdtemp(SCRATCH)
  await plantMachine(root)
})
afterEach(() => rm(root, {recursive: true}))

/** One file, which starts ten times as fast as its sources. */
let program = ''
beforeAll(async () => {
  program = join(await mkdtemp(join(tmpdir(), 'isolctl-test-')), 'talking-run.mjs')
  await build({
    entryPoints: [join(import.meta.dirname, 'fixtures/talking-run.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {js: "import {createRequire} from 'node:module'; const require = createRequire(import.meta.url)"},
  })
})
afterAll(() => rm(dirname(program), {recursive: true}))

async function outcome(
  root: string,
): Promise<{exit: number; values: readonly string[]; ends: readonly string[]}> {
  while (!existsSync(join(root, 'exit'))) await sleep(5)
  const values = Array.from({length: CHANGES}, (_, irq) =>
    readFileSync(join(root, `proc/irq/${irq}/smp_affinity_list`), 'utf8').trim(),
  )
  const entries = parseJournal(readFileSync(join(root, 'state/journal.jsonl'), 'utf8'))
  return {
    exit: Number(readFileSync(join(root, 'exit'), 'utf8')),
    values: [...new Set(values)],
    ends: entries.flatMap((entry) => (entry.op === 'end' ? [entry.outcome] : [])),
  }
}

async function hangUpAt(root: string, change: number): Promise<void> {
  await execa('script', ['-qfc', `exec ${process.execPath} ${program} ${root} ${change}`, '/dev/null'], {
    reject: false,
    stdin: 'ignore',
    stdout: 'ignore',
  })
  const {exit, values, ends} = await outcome(root)
  // SIGHUP asks the run to stop: what it did is undone, or it was already at its end.
  expect([
    {exit: 0, values: ['0-7'], ends: ['incomplete']},
    {exit: 0, values: ['0-1'], ends: ['complete']},
  ]).toContainEqual({exit, values, ends})
}

test.for(AT)('a terminal that hangs up at change %i of 300 leaves nothing half done', (at) =>
  hangUpAt(root, at),
)

test.runIf(seed !== undefined)(
  'a terminal that hangs up at each change',
  {timeout: HOSTILE_MS + 60_000},
  async () => {
    const end = performance.now() + HOSTILE_MS
    const all = Array.from({length: CHANGES}, (_, at) => at + 1)
    const left = [...shuffled(all, seed ?? 1)]
    let done = 0
    const worker = async (own: string) => {
      while (performance.now() < end) {
        const at = left.shift()
        if (at === undefined) return
        await plantMachine(own)
        await hangUpAt(own, at)
        done++
      }
    }
    await Promise.all([worker(join(root, 'a')), worker(join(root, 'b'))])
    process.stdout.write(`hung up at ${done} of ${CHANGES} changes\n`)
    expect(done).toBeGreaterThan(0)
  },
)

const run = (redirection: string) =>
  execa('sh', ['-c', `${process.execPath} ${program} ${root} ${redirection}`], {
    reject: false,
    stdin: 'ignore',
  })

test.for([
  ['a full disk under the log', '>/dev/full 2>&1'],
  ['a reader that has ended', '2>&1 | head -n1'],
  ['closed streams', '>&- 2>&-'],
  ['streams that are open for reading only', '1</dev/null 2</dev/null'],
] as const)('%s does not stop the work', async ([, redirection]) => {
  await run(redirection)
  expect(await outcome(root)).toEqual({exit: 0, values: ['0-1'], ends: ['complete']})
})

/** Whether a part of the machine can be replaced for one process (unshare(1)). */
const canReplace = (await execa('unshare', ['-m', 'true'], {reject: false})).exitCode === 0

test.for([
  ['', ''],
  // In a chroot(2), Node.js cannot open the terminal again, and has only the description that others share.
  [' and that has no path', 'exec unshare -m sh -c \'mount -t tmpfs none /dev/pts; exec "$@"\' sh'],
])('a terminal that was stopped%s does not stop the work', async ([, without = ''], {skip}) => {
  skip(without !== '' && !canReplace, 'needs the right to mount')
  // script(1) gives the Ctrl-S to its terminal, which takes no word from then on.
  const stopped = execa(
    'script',
    ['-qfc', `sleep 0.5; ${without || 'exec'} ${process.execPath} ${program} ${root}`, '/dev/null'],
    {
      reject: false,
      stdin: 'pipe',
      stdout: 'ignore',
    },
  )
  stopped.stdin.write('\x13')
  const journal = join(root, 'state/journal.jsonl')
  const ended = () => existsSync(journal) && readFileSync(journal, 'utf8').includes('"op":"end"')
  const patience = performance.now() + 60_000
  while (!ended() && performance.now() < patience) await sleep(20)
  const finished = ended()
  stopped.kill('SIGKILL')
  await stopped
  expect(finished).toBe(true)
})

test('the signals of a connection that drops do not cut the clean-up short', async () => {
  const child = execa(process.execPath, [join(import.meta.dirname, 'fixtures/dropped.ts')], {reject: false})
  for await (const line of child) {
    if (line === 'started') for (const signal of ['SIGHUP', 'SIGTERM', 'SIGHUP'] as const) child.kill(signal)
    if (line === 'cleaned up') break
  }
  const {exitCode, stdout} = await child
  expect({exitCode, stdout}).toEqual({exitCode: 0, stdout: 'started\ncleaned up'})
})
