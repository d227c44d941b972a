// SPDX-License-Identifier: MIT
import {spawn} from 'node:child_process'
import {once} from 'node:events'
import {appendFile, mkdtemp, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterEach, beforeEach, describe, expect, it, test} from 'vitest'
import {Interrupted} from '../../src/lib/errors.ts'
import {withLock} from '../../src/lib/lock.ts'
import {type Entry, intactLength, JOURNAL, parseJournal} from '../../src/model/journal.ts'
import {lockedBy, withJournal} from '../../src/plan/journal-file.ts'

const begin: Entry = {
  op: 'begin',
  schema: 'isolctl.journal/1',
  at: '2026-01-01T00:00:00Z',
  run: 'r',
  command: 'apply',
  bootId: 'boot',
  pid: 1,
  isolctl: '0',
}
const done: Entry = {op: 'done', at: '2026-01-01T00:00:00Z', seq: 1}
const lines = (...entries: Entry[]) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join('')

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
})
afterEach(() => rm(folder, {recursive: true}))

describe('an incomplete last line', () => {
  const text = lines(begin, done)
  it('is ignored, wherever it ends', () => {
    const second = lines(done)
    for (let kept = 0; kept < second.length; kept++) {
      const torn = lines(begin) + second.slice(0, kept)
      expect(parseJournal(torn)).toEqual([begin])
      expect(intactLength(torn)).toBe(lines(begin).length)
    }
    expect(parseJournal(text)).toEqual([begin, done])
  })

  it('may be a block of zeros', () => {
    expect(parseJournal(`${lines(begin)}${'\0'.repeat(40)}`)).toEqual([begin])
    expect(parseJournal(`${lines(begin)}${'\0'.repeat(40)}seq":1}\n`)).toEqual([begin])
  })

  it('is truncated before an append', async () => {
    await withJournal(folder, async ({append}) => append(begin))
    await appendFile(join(folder, 'journal.jsonl'), '{"op":"done","at"')
    await withJournal(folder, async ({entries, append}) => {
      expect(entries).toEqual([begin])
      await append(done)
    })
    expect(await readFile(join(folder, 'journal.jsonl'), 'utf8')).toBe(lines(begin, done))
  })
})

test.for([
  ['garbage in the middle', `${lines(begin)}garbage\n${lines(done)}`, 2],
  ['a last line that is whole and no entry', `${lines(begin)}garbage\n`, 2],
  [
    'a path outside of /proc and /sys',
    `${lines(begin)}{"op":"intent","at":"","seq":1,"step":"s","change":{"kind":"set","path":"/etc/shadow","from":"","to":""}}\n`,
    2,
  ],
  [
    'a path that climbs',
    `${lines(begin)}{"op":"intent","at":"","seq":1,"step":"s","change":{"kind":"set","path":"/proc/../etc/shadow","from":"","to":""}}\n`,
    2,
  ],
  ['another version', lines(begin).replace('journal/1', 'journal/2'), 1],
] as const)('%s is an error with the line number', ([, text, line]) => {
  expect(() => parseJournal(text)).toThrow(`${JOURNAL} line ${line} is not a journal entry`)
})

describe('the state directory', () => {
  it('is accessible by its owner only', async () => {
    const directory = join(folder, 'state')
    await withJournal(directory, async ({append}) => append(begin))
    const modes = [directory, join(directory, 'journal.jsonl'), join(directory, 'lock')].map(
      async (path) => (await stat(path)).mode & 0o777,
    )
    expect(await Promise.all(modes)).toEqual([0o700, 0o600, 0o600])
  })

  it('that cannot be created is an error with a help line', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(withJournal(join(folder, 'file', 'state'), async () => {})).rejects.toMatchObject({
      exit: 69,
      message: expect.stringContaining('ENOTDIR'),
    })
  })
})

describe('the lock', () => {
  it('is not waited for after an interruption', async () => {
    const directory = join(folder, 'state')
    const controller = new AbortController()
    await withJournal(directory, async () => {
      const waiting = withJournal(directory, async () => {}, {patient: true, signal: controller.signal})
      setTimeout(() => controller.abort(new Interrupted()), 100)
      await expect(waiting).rejects.toThrow(Interrupted)
    })
  })

  const path = () => join(folder, 'lock')
  const locked = <T>(file: string, body: () => Promise<T>) => withLock(file, {refuse: lockedBy}, body)

  it('refuses a second holder with the pid of the first, and is released', async () => {
    await locked(path(), async () => {
      await expect(locked(path(), async () => {})).rejects.toMatchObject({
        code: 'locked',
        exit: 69,
        message: `another isolctl (pid ${process.pid}) is changing this machine`,
      })
    })
    await expect(locked(path(), async () => 'mine')).resolves.toBe('mine')
  })

  it('is released when the body fails', async () => {
    await expect(locked(path(), async () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(locked(path(), async () => 'mine')).resolves.toBe('mine')
  })

  it('is free again after its holder was killed, with any pid in the file', async () => {
    const lock = JSON.stringify(join(import.meta.dirname, '../../src/lib/lock.ts'))
    const hold = `import {withLock} from ${lock}
      await withLock(${JSON.stringify(path())}, {}, async () => { console.log('held'); await new Promise((r) => setTimeout(r, 60_000)) })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', hold], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    await expect(locked(path(), async () => {})).rejects.toThrow(`pid ${child.pid}`)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await expect(locked(path(), async () => 'mine')).resolves.toBe('mine')
  })
})
