// SPDX-License-Identifier: MIT
/**
 * npm run test:endurance [-- --kernel BZIMAGE --modules DIR --only REGEX --go-on --output FILE]: tries
 * every activity beside an isolated thread, in a lab machine with the server flavour of the kernel,
 * and stores the rows after each. A run with --only replaces these rows, one with --go-on tries
 * those that have none: for the rows of the same kernel. Without --kernel it builds the flavour
 * first, which takes an hour.
 */
import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {parseArgs} from 'node:util'
import {compile} from '../../scripts/native.ts'
import {type Engine, labCpus} from '../../src/lab/machine.ts'
import {LabError, runInLab} from '../../src/lab/run.ts'
import {packageRoot} from '../../src/lib/assets.ts'
import {withPrivateFolder} from '../../src/lib/files.ts'
import {type Activity, readSubjects} from './activity.ts'
import {withServerKernel} from './kernel.ts'
import {LineSchema, type Matrix, MatrixSchema, type Row, refuseToMix} from './matrix.ts'

const CPU = 3
const CPUS = 4
/** Without a line for so long, the machine hangs. The longest activity may take four minutes, and its undoing one. */
const SILENCE_MS = 400_000
const RUN_MS = 8 * 3_600_000
/** A kernel with so much in it boots slowly on a busy host. */
const BOOT_MS = 900_000
/** A machine that dies at once, again and again, is not worth more boots. */
const BOOTS = 40

const DOCUMENTED = join(packageRoot, 'docs/endurance.json')

const {values} = parseArgs({
  options: {
    kernel: {type: 'string'},
    modules: {type: 'string'},
    only: {type: 'string'},
    'go-on': {type: 'boolean', default: false},
    output: {type: 'string', default: DOCUMENTED},
    'boot-arg': {type: 'string', multiple: true, default: []},
  },
})

const machineText = (engine: Engine): string =>
  `QEMU, ${CPUS} CPUs, ${engine === 'kvm' ? 'KVM' : 'emulated'}; CPUs ${labCpus(CPUS).isolated} isolated`

interface Progress {
  readonly rows: Map<string, Row>
  kernel: string
  build: string
  machine: string
  boots: number
}

/** Boots machines until each activity has a row. */
async function tryAll(
  activities: readonly Activity[],
  {kernel, modules}: {readonly kernel: string; readonly modules?: string | undefined},
  progress: Progress,
  store: () => Promise<void>,
): Promise<void> {
  await withPrivateFolder(async (folder) => {
    const [hold, deeds] = [join(folder, 'hold'), join(folder, 'deeds')]
    for (const [name, program] of [
      ['hold', hold],
      ['deeds', deeds],
    ] as const)
      await compile(join(packageRoot, `native/tools/${name}.c`), program, join(folder, 'objects'))
    for (let left = activities; left.length > 0; ) {
      if (progress.boots >= BOOTS) throw new Error(`${BOOTS} machines died`)
      progress.boots++
      const plan = join(folder, `plan-${progress.boots}.json`)
      const isolctl = [process.execPath, join(packageRoot, 'bin/run.js')]
      await writeFile(
        plan,
        JSON.stringify({activities: left, cpu: CPU, hold, deeds, kernel, modules, isolctl}),
      )
      const death = await oneMachine(plan, kernel, progress, store)
      const pending = left.filter(({id}) => !progress.rows.has(id))
      if (death !== undefined && pending.length === left.length && death.at === undefined) throw death.error
      if (death?.at !== undefined) {
        progress.rows.set(death.at, {id: death.at, result: 'died', why: death.error.message})
        process.stderr.write(`${death.at}: ${death.error.message}\n`)
        await store()
      }
      left = activities.filter(({id}) => !progress.rows.has(id))
    }
  })
}

interface Death {
  /** What was being tried; undefined before the first. */
  readonly at: string | undefined
  readonly error: Error
}

async function oneMachine(
  plan: string,
  kernel: string,
  progress: Progress,
  store: () => Promise<void>,
): Promise<Death | undefined> {
  let at: string | undefined
  let rest = ''
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), SILENCE_MS)
  const take = async (text: string) => {
    clearTimeout(timer)
    timer = setTimeout(() => silence.abort(), SILENCE_MS)
    const line = LineSchema.parse(JSON.parse(text))
    if (line.at === 'machine') {
      progress.kernel = line.kernel
      progress.build = line.build
      refuseToMix(stored, kept, progress)
      process.stderr.write(`${line.kernel}\napply: ${line.apply}\n`)
    } else if (line.at === 'begin') at = line.id
    else {
      at = undefined
      progress.rows.set(line.row.id, line.row)
      process.stderr.write(
        `${line.row.result.padEnd(9)} ${line.row.id} ${line.row.why ?? line.row.interrupts ?? ''}\n`,
      )
      await store()
    }
  }
  try {
    const {exitCode, stderr} = await runInLab(
      [process.execPath, join(import.meta.dirname, 'guest.ts'), plan],
      {
        kernel,
        cpus: CPUS,
        onEngine: (engine) => {
          progress.machine = machineText(engine)
        },
        memoryMb: 3072,
        append: ['quiet', 'loglevel=3', 'mce=ignore_ce', ...values['boot-arg']],
        timeoutMs: RUN_MS,
        bootTimeoutMs: BOOT_MS,
        signal: silence.signal,
        onStdout: async (chunk) => {
          const lines = (rest + chunk.toString()).split('\n')
          rest = lines.pop() ?? ''
          for (const line of lines) await take(line)
        },
      },
    )
    return exitCode === 0
      ? undefined
      : {at, error: new Error(`the guest ended with ${exitCode}: ${stderr.slice(-500)}`)}
  } catch (error) {
    if (silence.signal.aborted) return {at, error: new Error('the machine hung')}
    if (error instanceof LabError)
      return {at, error: new Error(`${error.message} ${firstComplaint(error.console)}`.trim())}
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** The first line by which a kernel reports a fault in itself. */
const firstComplaint = (console: string): string =>
  /^.*(?:BUG:|Oops|WARNING:|panic).*$/m.exec(console)?.[0]?.trim() ?? ''

const stored: Matrix = MatrixSchema.parse(
  JSON.parse(await readFile(values.output, 'utf8').catch(() => readFile(DOCUMENTED, 'utf8'))),
)
const wanted = new RegExp(values.only ?? '')
const all = readSubjects().flatMap(({activities}) => activities)
const tried = new Set(values['go-on'] ? stored.rows.map(({id}) => id) : [])
const chosen = all.filter(({id}) => wanted.test(id) && !tried.has(id))
const kept =
  values.only === undefined && !values['go-on']
    ? []
    : stored.rows.filter(({id}) => !chosen.some((other) => other.id === id))
const {kernel, build, machine} = stored
const progress: Progress = {rows: new Map(), kernel, build, machine, boots: 0}
const store = async () => {
  const found = new Map([...kept.map((row) => [row.id, row] as const), ...progress.rows])
  const rows = all.flatMap(({id}) => found.get(id) ?? [])
  const {rows: _, boots, ...of} = progress
  const matrix: Matrix = {...stored, ...of, boots: boots + (kept.length > 0 ? stored.boots : 0), rows}
  await mkdir(dirname(values.output), {recursive: true})
  await writeFile(values.output, `${JSON.stringify(matrix, undefined, 1)}\n`)
}
if (values.kernel === undefined)
  await withServerKernel(async (built) => tryAll(chosen, built, progress, store))
else await tryAll(chosen, {kernel: values.kernel, modules: values.modules}, progress, store)

const count = (result: Row['result']) =>
  [...progress.rows.values()].filter((row) => row.result === result).length
process.stdout.write(
  `${progress.rows.size} activities: ${count('held')} held, ${count('broke')} broke, ${count('died')} machines died, ${count('not tried')} not tried\n`,
)
process.exitCode = count('died') > 0 ? 1 : 0
