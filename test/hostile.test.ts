// SPDX-License-Identifier: MIT
/**
 * Damaged and hostile files for every command that reads one. `npm test` runs a few of each, and
 * `npm run test:hostile` as many as its time allows. A failure prints the seed; HOSTILE=SEED repeats
 * it.
 */
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {gzipSync} from 'node:zlib'
import fc from 'fast-check'
import {afterAll, afterEach, beforeAll, expect, test, vi} from 'vitest'
import {Exit} from '../src/lib/exit.ts'
import {parseJournal} from '../src/model/journal.ts'
import {outOfBounds} from '../src/plan/bounds.ts'
import {PlanSchema} from '../src/plan/plan.ts'
import {isolctl, plant} from './commands/isolctl.ts'
import {raw} from './support/foreign.ts'
import {seed, share} from './support/hostile.ts'
import {untunedFiles} from './support/untuned.ts'

/** Each kind of file has half of a share in all kinds; the other half is of the terminal that hangs up. */
const KINDS = 5
const LIMIT_MS = seed === undefined ? 20_000 : share(1 / 2 / KINDS)
/**
 * Inputs of one kind until its time is over, or five. Each round ends: a command that goes on after its
 * test would write into the output of the next one.
 */
async function attack<Ts>(property: fc.IAsyncProperty<Ts>): Promise<void> {
  const end = performance.now() + LIMIT_MS
  if (seed === undefined) return await fc.assert(property, {numRuns: 5})
  for (let round = seed; performance.now() < end; round++)
    await fc.assert(property, {numRuns: 10, seed: round})
}
// One input may take long on a busy machine, and so may the preparation.
vi.setConfig({testTimeout: LIMIT_MS + 60_000, hookTimeout: 120_000})

let folder = ''
let plan = ''
const at = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  await plant(at('captured'), untunedFiles())
  await isolctl('plan', '--cpus', '2-3', '--root', at('captured'), '--out', at('good.json'))
  plan = await readFile(at('good.json'), 'utf8')
  await isolctl('capture', at('good.tgz'), '--root', at('captured'))
})
afterAll(() => rm(folder, {recursive: true}))

let tried = 0
afterEach(({task}) => {
  if (seed !== undefined) process.stdout.write(`${task.name}: ${tried} inputs\n`)
  tried = 0
})

const EXITS: readonly number[] = Object.values(Exit)

/** A text with a few of its parts replaced, removed, or repeated. */
const damaged = (text: string) =>
  fc
    .array(
      fc.record({
        from: fc.nat(Math.max(1, text.length - 1)),
        length: fc.nat(40),
        by: fc.oneof(
          fc.string({unit: 'binary', maxLength: 30}),
          fc.constantFrom('{', '"', '\0', '\u001b[2J', '-1', '1e999', '../'),
        ),
      }),
      {minLength: 1, maxLength: 5},
    )
    .map((edits) =>
      edits.reduce((now, {from, length, by}) => now.slice(0, from) + by + now.slice(from + length), text),
    )

/** The command ends, with an exit code that is documented, a short error, and nothing invisible. */
async function survives(...words: string[]): Promise<void> {
  tried++
  const {stdout, stderr, exit} = await isolctl(...words)
  expect(EXITS).toContain(exit)
  expect(raw(stdout + stderr)).toEqual([])
  expect(stderr).not.toMatch(/this is a bug|^ +at /m)
  if (exit === Exit.usage) expect(stderr.split('\n').length).toBeLessThan(4)
}

const everyFile = (name: string, text: () => string, ...words: readonly string[]) =>
  attack(
    fc.asyncProperty(fc.oneof(damaged(text()), fc.string({unit: 'binary'})), async (spoilt) => {
      await writeFile(at(name), spoilt, {mode: 0o600})
      await survives(
        ...words.map((word) => (word === 'FILE' ? at(name) : word === 'ROOT' ? at('captured') : word)),
      )
    }),
  )

test('a damaged plan', () => everyFile('plan.json', () => plan, 'apply', '--dry-run', 'FILE'))

test('a damaged config', () =>
  everyFile(
    'config.yaml',
    () =>
      'isolated: 2-3\nhousekeeping: 0-1\npolicy: fifo:1\nclasses:\n  - name: "rt-*"\n    isolated: all but 0\nsteps: {never: [mce-poll]}\n',
    ...['plan', '--root', 'ROOT', '--config', 'FILE'],
  ))

test('damaged boot arguments', () =>
  everyFile(
    'cmdline',
    () => 'ro quiet isolcpus=managed_irq,domain,2-3 nohz_full=2-3 "a b" -- x\n',
    ...['lint', '--cpus', '4', '--kernel', '6.12', '--isolated', '2-3', '--cmdline', 'FILE'],
  ))

test('a damaged archive', async () => {
  const good = await readFile(at('good.tgz'))
  await attack(
    fc.asyncProperty(
      fc.nat(good.length - 1),
      fc.uint8Array({maxLength: 64}),
      fc.boolean(),
      async (from, bytes, packed) => {
        const spoilt = Buffer.concat([good.subarray(0, from), bytes, good.subarray(from + bytes.length)])
        await writeFile(at('spoilt.tgz'), packed ? gzipSync(spoilt) : spoilt)
        await survives('topology', '--root', at('spoilt.tgz'))
      },
    ),
  )
})

test('a damaged journal is refused, or names nothing that a step would not do', async () => {
  const {steps} = PlanSchema.parse(JSON.parse(plan))
  const stamp = '2026-01-01T00:00:00Z'
  const begin = {
    op: 'begin',
    schema: 'isolctl.journal/1',
    at: stamp,
    run: 'r',
    command: 'apply',
    bootId: 'b',
    pid: 1,
    isolctl: '0',
  }
  const intents = steps.flatMap(({id, changes}) => changes.map((change) => ({step: id, change})))
  const text = [begin, ...intents.map((intent, seq) => ({op: 'intent', at: stamp, seq: seq + 1, ...intent}))]
    .map((entry) => `${JSON.stringify(entry)}\n`)
    .join('')
  await plant(at('journalled'), untunedFiles())
  await attack(
    fc.asyncProperty(damaged(text), async (spoilt) => {
      await plant(at('journalled'), {'/var/lib/isolctl/journal.jsonl': spoilt})
      await survives('status', '--root', at('journalled'))
    }),
  )
  for (const entry of parseJournal(text))
    if (entry.op === 'intent') expect(outOfBounds(entry.change)).toBeUndefined()
})
