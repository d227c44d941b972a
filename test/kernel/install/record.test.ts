// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {
  type BootState,
  fateOf,
  type InstalledKernel,
  RECORDS,
  readRecord,
  readRecords,
  writeRecord,
} from '../../../src/kernel/install/record.ts'

const record = (state: InstalledKernel['state'], event = 'what happened'): InstalledKernel => ({
  schema: 'isolctl.installed-kernel/1',
  release: '6.12.1-isolctl',
  package: 'linux-image-6.12.1-isolctl',
  knownGood: '6.1.0-1-amd64',
  gate: 'preflight',
  state,
  history: [{at: '2026-11-24T12:00:00Z', bootId: 'b', event}],
})

describe('the state of an installed kernel', () => {
  const now: BootState = {running: '6.1.0-1-amd64', trial: undefined, armed: false, log: ''}
  const boot = (event: string) => `6.12.1-isolctl 0f3c ${event}\n`

  test.for([
    ['installing', {}, 'unfinished'],
    ['armed', {armed: true}, 'waiting'],
    ['armed', {running: '6.12.1-isolctl', trial: '6.12.1-isolctl'}, 'on-trial'],
    ['armed', {running: '6.12.1-isolctl'}, 'unjudged'],
    ['armed', {}, 'trial-failed'],
    ['failed', {}, 'judged-bad'],
    ['promoted', {}, 'promoted'],
    ['rolled-back', {}, 'rolled-back'],
  ] as const)('%s, %j: %s', ([state, over, what]) => {
    expect(fateOf(record(state), {...now, ...over}).what).toBe(what)
  })

  test.for([
    ['', 'did not get as far as user space'],
    [boot('started'), 'started, and panicked or hung'],
    [boot('started') + boot('late'), 'not judged in time'],
    ['6.12.9-isolctl 0f3c late\n', 'did not get as far as user space'],
  ])('the log %j means: it %s', ([log, text]) => {
    expect(fateOf(record('armed'), {...now, log: log ?? ''}).text).toContain(text)
  })
})

describe('records', () => {
  test('are read as they were written, and removed', async () => {
    const host = memoryHost({})
    await writeRecord(host, '6.12.1-isolctl', record('armed'))
    expect(await readRecords(host)).toEqual([record('armed')])
    await writeRecord(host, '6.12.1-isolctl', null)
    expect(await readRecord(host, '6.12.1-isolctl')).toBeUndefined()
    await host.writeFile(`${RECORDS}/6.1.0-1-amd64.json`, JSON.stringify(record('armed')))
    await expect(readRecord(host, '6.1.0-1-amd64')).rejects.toThrow('is not a record') // of another kernel
    await host.writeFile(`${RECORDS}/6.1.0-1-amd64.json`, null)
  })

  test.for(['', '{}', JSON.stringify({...record('armed'), state: 'odd'})])(
    'a damaged record is an error: %s',
    async (text) => {
      const host = memoryHost({[`${RECORDS}/6.12.1-isolctl.json`]: text})
      await expect(readRecords(host)).rejects.toThrow('is not a record of an installed kernel')
    },
  )
})
