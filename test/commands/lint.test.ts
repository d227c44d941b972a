// SPDX-License-Identifier: MIT
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, it} from 'vitest'
import {isolctl} from './isolctl.ts'

let folder = ''
const file = (name: string) => join(folder, name)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  await writeFile(file('good'), 'isolcpus=domain,managed_irq,2-3 nohz_full=2-3 irqaffinity=0-1\n')
  await writeFile(file('bad'), 'isolcpus=domain,managed_irq,2-3 nohz_full=2-9 irqaffinity=0-1\n')
  await writeFile(file('lonely'), 'isolcpus=1 nohz_full=1 irqaffinity=0\n')
  await writeFile(file('empty'), '\n')
})
afterAll(() => rm(folder, {recursive: true}))

const lint = (name: string, ...args: string[]) =>
  isolctl('lint', '--cmdline', file(name), '--cpus', '4', '--kernel', '6.12.5-amd64', ...args)

it('prints what the kernel would do, and what it would drop', async () => {
  const good = await lint('good')
  expect(good).toMatchObject({exit: 0, stderr: ''})
  expect(good.stdout).toMatch(
    /Linux 6\.12\.5-amd64 on CPUs 0-3[\s\S]*the tick may stop +2-3\n[\s\S]*11 passed\n$/,
  )
  const bad = await lint('bad', '--quiet')
  expect(bad.exit).toBe(1)
  expect(bad.stdout).toMatch(/^ {2}✖ cmdline-misread[\s\S]*nohz_full=2-9: not read as it is written/)
})

it('exits 1 for warnings only under --strict', async () => {
  const args = ['lint', '--cmdline', file('lonely'), '--cpus', '2', '--kernel', '6.12']
  expect(await isolctl(...args)).toMatchObject({exit: 0, stdout: expect.stringContaining('1 warning')})
  expect(await isolctl(...args, '--strict')).toMatchObject({exit: 1})
})

it('prints its schema with --json', async () => {
  const {stdout} = await lint('bad', '--json')
  expect(JSON.parse(stdout)).toMatchObject({schema: 'isolctl.lint/1', ok: false, effective: {nohzFull: ''}})
})

it.each([
  ['no such file', ['--cmdline', '/nonexistent/x', '--cpus', '4', '--kernel', '6.12'], 69, 'ENOENT'],
  [
    'a version that is none',
    ['--cmdline', '/proc/version', '--cpus', '4', '--kernel', 'six'],
    2,
    'not a kernel release',
  ],
  [
    'a version whose rules are not known',
    ['--cmdline', '/proc/version', '--cpus', '4', '--kernel', '3.10.0-1160.el7.x86_64'],
    69,
    'isolctl knows the rules from Linux 4.18 on',
  ],
  ['no CPU', ['--cmdline', '/proc/version', '--cpus', '0', '--kernel', '6.12'], 2, '--cpus'],
  [
    '--root',
    ['--cmdline', '/proc/version', '--cpus', '4', '--kernel', '6.12', '--root', '/tmp'],
    2,
    'no --root',
  ],
])('refuses %s', async (_, args, exit, message) => {
  expect(await isolctl('lint', ...args)).toMatchObject({exit, stderr: expect.stringContaining(message)})
})

it('refuses an empty file', async () => {
  expect(await lint('empty')).toMatchObject({
    exit: 2,
    stderr: expect.stringContaining('no boot arguments in '),
  })
})

it('prints no line that the arguments make', async () => {
  await writeFile(file('forged'), 'nohz_full=1 nohz_full="\n✔ all ok"\n')
  const {stdout} = await lint('forged')
  expect(stdout).toContain('all ok')
  expect(stdout).not.toMatch(/^\s*✔ all ok/m)
})
