// SPDX-License-Identifier: MIT
import {mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, expect, test, vi} from 'vitest'
import {compile, make} from '../../scripts/native.ts'
import {packageRoot} from '../../src/lib/assets.ts'

vi.setConfig({testTimeout: 60_000, hookTimeout: 60_000})

let folder = ''
beforeAll(async () => {
  await make(`O=${join(packageRoot, 'dist')}`, join(packageRoot, 'dist/libexec/isol-inherit.so'))
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  const become = JSON.stringify(join(packageRoot, 'src/launch/become.ts'))
  await writeFile(
    join(folder, 'launch.ts'),
    `import {become} from ${become}\nawait become('/bin/bash', ['bash', '-c', process.argv[2] ?? ''])\n`,
  )
  await writeFile(join(folder, 'a'), 'text of a\n')
})
afterAll(() => rm(folder, {recursive: true}))

/** What a program prints that is started through Node.js with these redirections, and what without. */
async function both(redirections: string, script: string): Promise<readonly [string, string]> {
  const run = async (program: string) =>
    (await execa('bash', ['-c', `cd ${folder}; exec ${redirections}; exec ${program} "$1"`, 'bash', script]))
      .stdout
  return [await run(`${process.execPath} ${folder}/launch.ts`), await run('bash -c')]
}

const LIST =
  'for fd in /proc/$$/fd/*; do n=$(basename $fd); [ $n -ge 3 ] && [ $n -lt 200 ] && echo $n; done; :'

test('descriptors 3 to 15 belong to the program, and no other is added', async () => {
  const open = Array.from({length: 13}, (_, at) => `${at + 3}<a`).join(' ')
  const [launched, direct] = await both(open, LIST)
  expect(launched).toBe(direct)
  for (let fd = 3; fd <= 15; fd++) expect(launched.split('\n')).toContain(`${fd}`)
})

test('a gap stays a gap, and files, pipes and sockets are passed', async () => {
  const redirections = '3<a 5< <(echo text of the pipe; sleep 5) 7<>/dev/udp/127.0.0.1/9 9>b 12<a'
  const [launched, direct] = await both(redirections, LIST)
  expect(launched).toBe(direct)
  for (const fd of [3, 5, 7, 9, 12]) expect(launched.split('\n')).toContain(`${fd}`)
  expect(launched.split('\n')).not.toContain('11')
  const [text] = await both(redirections, 'cat <&3; head -n1 <&5; echo written >&9; cat b; cat <&12')
  expect(text).toBe('text of a\ntext of the pipe\nwritten\ntext of a')
})

test('through bin/isolctl also those of a kind that Node.js opens itself', async () => {
  const script =
    'for n in 3 4 5 6 7 8 9 10; do echo $n $(readlink /proc/$$/fd/$n | tr -d 0-9); done; echo "<$ISOLCTL_INHERITED>"'
  const kinds = join(folder, 'kinds')
  await compile(join(import.meta.dirname, 'fixtures/kinds.c'), kinds, folder)
  const started = async (...program: string[]) =>
    (await execa(kinds, [...program, '/bin/bash', '-c', script])).stdout
  const launched = await started(join(packageRoot, 'bin/isolctl'), 'launch', '--soft', '--cpus', '1', '--')
  expect(launched).toBe(await started('/usr/bin/env'))
  expect(launched.split('\n').slice(0, 2)).toEqual(['3 anon_inode:[eventfd]', '4 anon_inode:[eventpoll]'])
  expect(launched).toContain('<>')
})

test('a list that is meant for another process is not used', async () => {
  const run = (list: string) =>
    execa(
      'bash',
      ['-c', `cd ${folder}; exec 3<a 4<a; exec "$@"`, 'bash', process.execPath, `${folder}/launch.ts`, LIST],
      {
        env: {ISOLCTL_INHERITED: list},
      },
    )
  expect((await run('1:3,')).stdout.split('\n')).toEqual(expect.arrayContaining(['3', '4']))
  expect((await run('rubbish')).stdout.split('\n')).toEqual(expect.arrayContaining(['3', '4']))
})
