// SPDX-License-Identifier: MIT
/** Foreign text in every output: names of threads, devices, units and paths, and errors. */
import {chmod, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {Parser, type Result as TapResult} from 'tap-parser'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import type {Change} from '../../src/model/change.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {applyReport, renderApply} from '../../src/report/apply.ts'
import {captureReport, renderCapture} from '../../src/report/capture.ts'
import {page, shown} from '../../src/report/colour.ts'
import {renderEvent} from '../../src/report/events.ts'
import {initReport, renderInit} from '../../src/report/init.ts'
import {renderIsolation} from '../../src/report/isolation.ts'
import {renderPlan} from '../../src/report/plan.ts'
import {FORMATS, renderReport} from '../../src/report/render.ts'
import {renderStatus, statusReport} from '../../src/report/status.ts'
import {renderRehearsal, renderUndo, undoReport} from '../../src/report/undo.ts'
import type {Report} from '../../src/schema/preflight.ts'
import {isolctl, plant} from '../commands/isolctl.ts'
import {FOREIGN, raw} from '../support/foreign.ts'
import {untunedFiles} from '../support/untuned.ts'

const layout = {width: 80, quiet: false, verbose: true}
/** A name that would forge a line, hide itself, and turn the text after it. */
const name = (char: string) => `evil${char}name`

const changes = (text: string): readonly Change[] => [
  {kind: 'set', path: `/proc/irq/1/${text}`, from: text, to: text, about: text},
  {kind: 'affinity', tid: 1, start: '1', comm: text, from: '0-3', to: '0-1', about: text},
  {kind: 'file', path: `/etc/${text}`, from: text, to: `x${text}`},
  {kind: 'folder', path: `/etc/${text}`, from: null, to: ''},
  {kind: 'grubenv', path: `/boot/${text}`, name: 'a', from: text, to: text, editenv: '/bin/x'},
  {kind: 'run', argv: [text, text], undo: [text]},
]

const delta = (back: Change) => ({back, ours: [], seqs: [1], run: 'r', at: 'now', step: 's'})

/** Every text of src/report that has foreign text in it. */
function texts(text: string): Readonly<Record<string, string>> {
  const step = {
    id: 's',
    title: text,
    check: 'c',
    blast: text,
    changes: [...changes(text)],
    notes: [{subject: text, reason: text}],
  }
  const plan = {
    schema: 'isolctl.plan/1' as const,
    host: text,
    isolated: '2-3',
    housekeeping: '0-1',
    steps: [step],
    unknown: [{id: 'u', title: text, reason: text}],
    conflicts: [{name: text, evidence: text, help: text}],
    onRequest: [{id: 'o', title: text, reason: text, changes: 1}],
  }
  const results = ['done', 'same', 'refused', 'gone'] as const
  const failed = {type: 'failed', step, error: new Error(text)} as const
  const undone = changes(text).flatMap((back) =>
    (['undone', 'same', 'gone', 'conflict', 'failed'] as const).map((result) => ({
      delta: delta(back),
      result,
      found: text,
      ...(result === 'failed' ? {reason: text} : {}),
    })),
  )
  const events = [
    {type: 'step', step} as const,
    ...changes(text).flatMap((change) =>
      results.map((result) => ({type: 'change', change, result, reason: text}) as const),
    ),
    ...changes(text).map((change) => ({type: 'pending', change, effective: text}) as const),
    failed,
    ...undone.map((each) => ({type: 'undo', undone: each}) as const),
  ]
  const status = statusReport(
    {
      deltas: changes(text).flatMap((back) =>
        (['in-force', 'drifted', 'reverted', 'gone', 'unknown'] as const).map((state) => ({
          delta: delta(back),
          state,
          found: text,
          suspect: text,
        })),
      ),
      unfinished: [text],
      refused: new Map([[text, text]]),
      goneAtReboot: 1,
    },
    {host: text, bootId: text},
  )
  const proposal = {
    isolated: CpuSet.parse('2'),
    housekeeping: CpuSet.parse('0'),
    reasons: [{cpus: CpuSet.parse('0'), role: 'housekeeping' as const, why: text}],
    remarks: [text],
  }
  const init = initReport(proposal as never, text)
  const capture = captureReport(text, {files: new Map(), redactions: {}, unreadable: {[text]: text}} as never)
  const record = {
    cpu: 2,
    state: text,
    cause: text,
    starts: 1,
    refusals: 0,
    breaks: 1,
    durationNs: 1,
    flags: 1,
    signal: 9,
    data: 1n,
    sender: {cpu: 0, pid: 1, name: text, function: text, site: text},
    intruder: {pid: 1, name: text},
  }
  return {
    plan: renderPlan(plan, {...layout, applyCommand: text, undo: true}),
    events: page(events.flatMap((event) => renderEvent(event, layout))),
    apply: renderApply({...applyReport(plan, events), outcome: 'applied'}, layout),
    undo: renderUndo(undoReport(undone, {host: text, dryRun: false})),
    'nothing to undo': renderUndo(undoReport([], {host: text, dryRun: false})),
    rehearsal: renderRehearsal(undone, layout),
    status: renderStatus(status, layout),
    init: renderInit(init, layout),
    'written init': renderInit({...init, written: text}, layout),
    config: init.config,
    capture: renderCapture(capture, layout),
    isolation: renderIsolation([{pid: 1, tid: 1, name: text, record}] as never),
  }
}

describe('what isolctl prints', () => {
  const plainLines = Object.fromEntries(
    Object.entries(texts('evilxname')).map(([kind, text]) => [kind, text.split('\n').length]),
  )
  test.for(FOREIGN.map((char) => [`U+${char.codePointAt(0)?.toString(16)}`, char] as const))(
    '%s is escaped in every text, and forges no line',
    ([, char]) => {
      for (const [kind, text] of Object.entries(texts(name(char)))) {
        expect([kind, raw(text)]).toEqual([kind, []])
        if (kind !== 'undo') expect([kind, text]).toEqual([kind, expect.stringContaining('\\u')]) // only counts
        // The contents of a file are shown line by line.
        if (char === '\n' && !['plan', 'rehearsal'].includes(kind))
          expect([kind, text.split('\n').length]).toEqual([kind, plainLines[kind]])
      }
    },
  )
})

test('a style in a name is not a style', () => {
  expect(shown('\u001b[32m✔\u001b[39m all is well')).toBe('\\u001b[32m✔\\u001b[39m all is well')
})

const report = (text: string): Report => ({
  schema: 'isolctl.report/1',
  isolctl: '0',
  host: {name: text, kernel: text, bootId: text, isolated: '2-3', housekeeping: '0-1'},
  policy: text,
  ok: false,
  summary: {ok: 1, warn: 1, fail: 1, skip: 1, unknown: 1},
  cpus: {quiet: '', disturbed: '2', unproven: '3'},
  measured: [{cpu: 2, interrupts: {[text]: 1}, stealMs: 0}],
  checks: (['ok', 'warn', 'fail', 'skip', 'unknown'] as const).map((status) => ({
    id: 'irq-affinity-effective',
    title: text,
    status,
    ms: 1,
    evidence: text,
    reason: text,
    findings: [
      {
        severity: 'fail' as const,
        subject: text,
        message: text,
        expected: text,
        actual: text,
        remedy: {text, command: text},
      },
    ],
    remedy: {text, command: text},
  })),
})

test.for(FORMATS)('no format contains a control or invisible character: %s', (format) => {
  for (const char of FOREIGN) {
    const text = renderReport(report(name(char)), format, {at: '2026-01-01T00:00:00Z', strict: false})
    expect(raw(text)).toEqual([])
  }
})

test('JSON and TAP are read back as the same text', async () => {
  const text = name(FOREIGN.join(''))
  const options = {at: '2026-01-01T00:00:00Z', strict: false}
  expect(JSON.parse(renderReport(report(text), 'json', options))).toEqual(report(text))
  const points: TapResult[] = []
  const parser = new Parser({omitVersion: true})
  parser.on('assert', (point: TapResult) => points.push(point))
  parser.end(renderReport(report(text), 'tap', options))
  expect(points[2]?.diag).toMatchObject({findings: [{subject: text}], reason: text})
})

describe('commands', () => {
  let folder = ''
  /** As much foreign text as the files of a machine can hold; file names cannot hold NUL. */
  const evil = FOREIGN.filter((char) => !'\0\ud800\udfff\n'.includes(char)).join('')
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
    const files = untunedFiles()
    const spoilt = Object.fromEntries(
      Object.entries(files).map(([path, text]) => [
        path,
        /\/(comm|actions|active_profile|cmdline|osrelease|environ|version)$/.test(path)
          ? `${text.trim()}${evil}\n`
          : text,
      ]),
    )
    await plant(join(folder, 'captured'), {...spoilt, [`/sys/class/net/${evil.slice(0, 60)}/device/x`]: ''})
    await writeFile(join(folder, `config${evil.slice(0, 40)}`), `isolated: "2-3${evil}"\n`)
    await writeFile(join(folder, 'open.json'), '{}')
    await chmod(join(folder, 'open.json'), 0o666)
  })
  afterAll(() => rm(folder, {recursive: true}))

  test.for([
    ['preflight', '-v'],
    ['preflight', '--json'],
    ['preflight', '--format', 'tap'],
    ['preflight', '--format', 'junit'],
    ['preflight', '--format', 'prom'],
    ['plan', '-v'],
    ['plan', '--json'],
    ['status'],
    ['status', '--json'],
    ['topology'],
    ['init', '--dry-run'],
    ['capture', 'CAPTURE'],
    ['preflight', '--config', 'CONFIG'],
    ['preflight', '--config', 'CONFIG', '--json'],
    ['preflight', '--cpus', 'EVIL'],
    ['preflight', '--EVIL'],
    ['EVIL'],
    ['kernel', 'EVIL'],
    ['explain', 'EVIL'],
    ['plan', '--cpus', '2-3', '--out', '/EVIL/EVIL'],
    ['apply', 'EVIL', '--dry-run'],
  ])('%j', async (words) => {
    const given = words.map((word) =>
      word
        .replaceAll('EVIL', evil)
        .replace('CONFIG', join(folder, `config${evil.slice(0, 40)}`))
        .replace('CAPTURE', join(folder, `c${evil.slice(0, 20)}`)),
    )
    const [command = ''] = words
    const rooted = ['EVIL', 'kernel', 'explain', 'apply'].includes(command)
      ? []
      : ['--root', join(folder, 'captured')]
    const planned =
      (command === 'preflight' || command === 'plan') &&
      !words.includes('--cpus') &&
      !words.includes('CONFIG')
    const {stdout, stderr} = await isolctl(...given, ...rooted, ...(planned ? ['--cpus', '2-3'] : []))
    if (planned && !words.includes('prom') && !words.includes('--out'))
      expect(stdout + stderr).toContain('\\u202e')
    expect(raw(stdout + stderr)).toEqual([])
    expect(stdout + stderr).not.toBe('')
  })

  test('a saved plan', async () => {
    await isolctl(
      'plan',
      '--cpus',
      '2-3',
      '--root',
      join(folder, 'captured'),
      '--out',
      join(folder, 'plan.json'),
    )
    expect(raw(await readFile(join(folder, 'plan.json'), 'utf8'))).toEqual([])
  })
})
