// SPDX-License-Identifier: MIT
import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {beforeAll, describe, expect, it} from 'vitest'
import {readCall} from '../../src/commands/call.ts'
import {MENU} from '../../src/commands/help.ts'
import {commandsFor} from '../../src/commands/index.ts'
import {isolctl, plant} from './isolctl.ts'

/** Loading all commands takes seconds here, which must not count for a test. */
beforeAll(() => commandsFor(), 60_000)

/** A mistake, the message, the help, and the code in JSON. */
const MISTAKES: [line: string, message: string, help: string, code?: string][] = [
  ['preflght', 'there is no command "preflght"', 'did you mean preflight?', 'unknown-command'],
  ['preflght -o x', 'there is no command "preflght"', 'did you mean preflight?', 'unknown-command'],
  ['xyzzy', 'there is no command "xyzzy"', 'isolctl --help lists the commands', 'unknown-command'],
  ['build', 'there is no command "build"', 'did you mean kernel build or lab build?', 'unknown-command'],
  ['kernel buld', 'there is no command "kernel buld"', 'did you mean kernel build?', 'unknown-command'],
  ['kernl build', 'there is no command "kernl"', 'did you mean kernel build?', 'unknown-command'],
  ['kernel xyzzy', 'there is no command "kernel xyzzy"', 'isolctl kernel lists', 'unknown-command'],
  ['lab rn -- true', 'there is no command "lab rn"', 'did you mean lab run?', 'unknown-command'],
  ['lab stori', 'there is no command "lab stori"', 'isolctl lab lists', 'unknown-command'],
  ['PREFLIGHT', 'there is no command "PREFLIGHT"', 'did you mean preflight?', 'unknown-command'],
  ['KERNEL list', 'there is no command "KERNEL"', 'did you mean kernel list?', 'unknown-command'],
  ['kernel_list', 'there is no command "kernel_list"', 'did you mean kernel list?', 'unknown-command'],
  ['version', 'there is no command "version"', 'did you mean --version?', 'unknown-command'],
  ['kernel help buld', 'there is no command "kernel buld"', 'mean kernel build?', 'unknown-command'],
  ['plan --version', 'plan has no flag --version', 'isolctl --version prints', 'unknown-flag'],
  ['topology --root /dev/null', '--root: "/dev/null" is neither a directory nor', 'a directory', 'ENOTDIR'],
  ['help prefligt', 'there is no command "prefligt"', 'did you mean preflight?', 'unknown-command'],
  ['help kernel bild', 'there is no command "kernel bild"', 'did you mean kernel build?', 'unknown-command'],
  ['prefligt --help', 'there is no command "prefligt"', 'did you mean preflight?', 'unknown-command'],
  ['preflight:x', 'there is no command "preflight"', 'did you mean', 'unknown-command'],
  ['--hlp', 'the command comes first, not "--hlp"', 'did you mean --help?', 'unknown-command'],
  ['--quiet plan', 'the command comes first, not "--quiet"', 'lists the commands', 'unknown-command'],
  ['preflight --windw 3s', 'preflight has no flag --windw', 'did you mean --window?', 'unknown-flag'],
  ['preflight --windw=3s', 'preflight has no flag --windw', 'did you mean --window?', 'unknown-flag'],
  ['preflight -z', 'preflight has no flag -z', 'see isolctl preflight --help', 'unknown-flag'],
  ['lab run --cpu 3 -- true', 'lab run has no flag --cpu', 'did you mean --cpus?', 'unknown-flag'],
  ['kernel list --jsn', 'kernel list has no flag --jsn', 'did you mean --json?', 'unknown-flag'],
  ['launch --nma', 'launch has no flag --nma', 'did you mean --numa?', 'unknown-flag'],
  ['launch --cpus 3 --enter app true', 'no program to launch', 'put it after "--"'],
  ['launch --cpus 3 ls -l', 'no program to launch', 'put it after "--"'],
  ['launch', 'no program to launch', 'put it after "--"'],
  ['launch --nma -- true', 'launch has no flag --nma', 'did you mean --numa?', 'unknown-flag'],
  ['preflight --format jsn', '--format does not take "jsn"', 'did you mean json?', 'unknown-value'],
  ['preflight --format x', '--format does not take "x"', 'did you mean text?', 'unknown-value'],
  ['preflight --format quux', '--format does not take "quux"', 'one of: text, json', 'unknown-value'],
  ['lab run --accel kv -- true', '--accel does not take "kv"', 'did you mean kvm?', 'unknown-value'],
  ['plan --only irq-affinty', '--only does not take "irq-affinty"', 'mean irq-affinity?', 'unknown-value'],
  ['apply --also persist', '--also does not take "persist"', 'did you mean persistence?', 'unknown-value'],
  ['explain ', 'no check is called ""', 'isolctl explain lists all', 'unknown-check'],
  ['kernel ', 'there is no command "kernel "', 'isolctl kernel lists', 'unknown-command'],
  ['explain smt', 'no check is called "smt"', 'did you mean smt-sibling?', 'unknown-check'],
  ['preflight --only smt-sibing', 'no check is called "smt-sibing"', 'mean smt-sibling?', 'unknown-check'],
  ['preflight --skip smt-sibing', 'no check is called "smt-sibing"', 'mean smt-sibling?', 'unknown-check'],
  ['preflight --allow smt-sibing', 'no check is called "smt-sibing"', 'mean smt-sibling?', 'unknown-check'],
  ['plan foo', 'unexpected argument: foo', 'see isolctl plan --help'],
  ['capture', 'missing 1 required arg: path', 'see isolctl capture --help'],
  ['lint --cpus 4', 'missing required flag --cmdline; missing', 'see isolctl lint --help'],
  ['preflight --passive --trace', '--passive cannot also be provided', 'see isolctl preflight --help'],
  ['preflight --window 3x', '--window: not a time: "3x"', 'a time looks like'],
  ['preflight --window 0s', '--window: a time of 0s is out of range', '1ms to 720h'],
  ['preflight --window 0.1ms', '--window: a time of 0.1ms is out of range', '1ms to 720h'],
  ['preflight --window 721h', '--window: a time of 721h is out of range', '1ms to 720h'],
  ['preflight --window 99999999999999999999h', '--window: not a time', 'a time looks like'],
  ['apply --confirm-within 6000000h', '--confirm-within: a time of 6000000h is out of range', '720h'],
  ['launch --workers 99999999999 -- true', '--workers: expected an integer', 'launch --help'],
  ['preflight --root=', '--root: cannot read "": ENOENT', 'an archive of isolctl capture', 'ENOENT'],
  ['topology --root /nowhere', '--root: cannot read "/nowhere": ENOENT', 'a directory with', 'ENOENT'],
  ['stop', 'give one program to stop: PID or --unit', 'isolctl stop 4711'],
  ['stop 7 --unit x.service', 'give one program to stop: PID or --unit', 'isolctl stop --unit'],
  ['stop 0', 'not a process id: "0"', 'isolctl status lists'],
  ['stop feed', 'not a process id: "feed"', 'isolctl status lists'],
  ['stop 7 --signal FOO', 'there is no signal "FOO"', 'a name or a number'],
  ['status 4194304', 'no program that isolctl launched has the process id', 'as root', 'not-launched'],
  ['init --cores x', '--cores: expected an integer but received: x', 'see isolctl init --help'],
]

describe('bad usage', () => {
  it.each(MISTAKES)('isolctl %s', async (line, message, help, code) => {
    const words = line.split(' ')
    const {exit, stdout, stderr} = await isolctl(...words)
    expect({exit, stdout}).toEqual({exit: 2, stdout: ''})
    const [error = '', hint = '', ...more] = stderr.split('\n')
    expect(error).toContain(`error: ${message}`)
    expect(hint.replace(/^help: /, '')).toContain(help)
    expect(more).toEqual([''])
    if (code === undefined) return
    const [own, rest] = words.includes('--') ? [words.slice(0, -2), words.slice(-2)] : [words, []]
    const json = await isolctl(...own, '--json', ...rest)
    expect(json).toMatchObject({exit: 2, stderr: ''})
    expect(JSON.parse(json.stdout)).toMatchObject({schema: 'isolctl.error/1', error: {exit: 2, code}})
  })

  it('names the step that is nearest to an unknown one in the config', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
    try {
      const config = join(folder, 'config.yaml')
      await writeFile(config, 'steps: {never: [irq-afinity]}\n')
      const {exit, stderr} = await isolctl('plan', '--config', config)
      expect([exit, stderr]).toEqual([2, expect.stringContaining('help: did you mean irq-affinity?')])
    } finally {
      await rm(folder, {recursive: true})
    }
  })
})

describe('help', () => {
  it.each([[[]], [['--help']], [['help']]])(
    'isolctl %j is the main path, then the rest in groups',
    async (args) => {
      const {exit, stdout, stderr} = await isolctl(...args)
      expect([exit, stderr]).toEqual([0, ''])
      expect(stdout).toMatch(
        /\nMAIN PATH\n {2}init [^\n]+\n {2}plan [^\n]+\n {2}apply [^\n]+\n {2}preflight [^\n]+\n {2}launch [^\n]+\n\n[A-Z]/,
      )
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    },
  )

  it('lists each command that is not hidden, once', async () => {
    const visible = Object.entries(await commandsFor()).filter(([, {hidden}]) => !hidden)
    const names = visible.map(([id]) => id.replace(/:.*/, ''))
    expect(MENU.flatMap(({names}) => names).toSorted()).toEqual([...new Set(names)].toSorted())
    const {stdout} = await isolctl()
    for (const [id] of visible) expect(stdout).toMatch(new RegExp(`\\b${id.replace(/.*:/, '')}\\b`))
  })

  it.each([
    [['kernel'], 'kernel rollback'],
    [['lab'], 'lab shell'],
    [['help', 'kernel'], 'kernel rollback'],
    [['kernel', '--help'], 'kernel rollback'],
    [['help', 'plan'], 'isolctl plan'],
    [['plan', '--only', 'nonsense', '--help'], 'isolctl plan'],
    [['--help', 'plan'], 'isolctl plan'],
    [['help', 'lab', 'run'], 'isolctl lab run'],
    [['lab', 'help', 'run'], 'isolctl lab run'],
    [['kernel', 'help'], 'kernel rollback'],
  ])('isolctl %j', async (args, says) => {
    expect(await isolctl(...args)).toMatchObject({exit: 0, stderr: '', stdout: expect.stringContaining(says)})
  })

  it('is not printed for a --help after "--"', () => {
    const argv = ['--cpus', '3', '--', 'program', '--help']
    expect(readCall(['launch', ...argv])).toEqual({kind: 'run', id: 'launch', argv})
    expect(readCall(['kernel:list', '--json'])).toEqual({kind: 'run', id: 'kernel:list', argv: ['--json']})
  })
})

describe('on a captured machine', {timeout: 60_000}, () => {
  const HOSTS = join(import.meta.dirname, '../hosts/lab')
  const root = join(HOSTS, 'quiet.tgz')

  it.each([
    ['topology', '--root', root],
    ['init', '--dry-run', '--root', root],
    ['plan', '--root', root],
    ['explain'],
    ['explain', 'smt-sibling'],
  ])('--quiet leaves out what did not fail, and --json does not change: %s', async (...line) => {
    const loud = await isolctl(...line)
    expect(loud.stdout).not.toBe('')
    expect(await isolctl(...line, '--quiet')).toEqual({stdout: '', stderr: '', exit: loud.exit})
    const json = await isolctl(...line, '--json')
    expect(await isolctl(...line, '--json', '--quiet')).toEqual(json)
    expect(json.exit).toBe(loud.exit)
    expect(JSON.parse(json.stdout)).toMatchObject({schema: expect.stringMatching(/^isolctl\.[a-z]+\/\d$/)})
  })

  it('--quiet names the steps that cannot be planned', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
    try {
      await plant(folder, {'sys/devices/system/cpu/online': '0-3\n'})
      const plan = ['plan', '--root', folder, '--cpus', '2-3', '--only', 'irq-affinity']
      const {stdout, exit} = await isolctl(...plan, '--quiet')
      expect([exit, stdout.split('\n')[0]]).toEqual([3, expect.stringContaining('irq-affinity')])
      expect(stdout).toContain('? cannot be planned: ')
    } finally {
      await rm(folder, {recursive: true})
    }
  })

  it.each(['topology', 'init --dry-run', 'plan --cpus 2-3', 'preflight --passive --cpus 2-3'])(
    'an archive that is cut short, and a file that is none, are one error: %s',
    async (line) => {
      const folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
      try {
        const [short, text] = [join(folder, 'short.tgz'), join(folder, 'text')]
        await writeFile(short, (await readFile(root)).subarray(0, 3000))
        await writeFile(text, 'x\n')
        for (const [file, why] of [
          [short, 'the archive is cut short'],
          [text, 'not a .tgz archive'],
        ] as const)
          expect(await isolctl(...line.split(' '), '--root', file)).toEqual({
            stdout: '',
            exit: 69,
            stderr: `error: cannot read ${file}: ${why}\nhelp: give a directory, or an archive that isolctl capture wrote\n`,
          })
      } finally {
        await rm(folder, {recursive: true})
      }
    },
  )
})
