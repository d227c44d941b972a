// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {beforeAll, describe, expect, it} from 'vitest'
import {runInLab} from '../../src/lab/run.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {ApplySchema, StatusSchema} from '../../src/schema/machine.ts'
import {testKernel} from './kernel.ts'

let parts: Readonly<Record<string, {readonly output: string; readonly exit: number}>> = {}
const part = (name: string) => parts[name] ?? {output: `the guest never came to "${name}"`, exit: -1}
const says = (exit: number, ...texts: string[]) => ({
  exit,
  output: expect.stringMatching(
    new RegExp(texts.map((text) => text.replaceAll(/\s+/g, '\\s+')).join('[^]*')),
  ),
})
/** The lines of a picture that differ from the first picture. */
const differing = (name: string) => {
  const before = new Set(part('before').output.split('\n'))
  return part(name)
    .output.split('\n')
    .filter((line) => !before.has(line))
}

/** One boot for all tests. */
beforeAll(async () => {
  const {stdout, stderr} = await runInLab([process.execPath, join(import.meta.dirname, 'guest/survive.ts')], {
    kernel: await testKernel(),
    cpus: 4,
    isolated: CpuSet.empty,
  })
  if (!stdout.startsWith('{')) throw new Error(`the guest said nothing of use: ${stdout}${stderr}`)
  parts = JSON.parse(stdout)
})

describe('on a running kernel', () => {
  it('the checks fail before apply and pass after it', () => {
    expect(part('judged before').exit).toBe(1)
    expect(ApplySchema.parse(JSON.parse(part('applied').output)).outcome).toBe('applied')
    expect(part('judged after')).toMatchObject({exit: 0})
    expect(differing('after undo')).toEqual([])
  })

  it('creates a valid isolated partition, and removes it', () => {
    expect(part('partition').exit).toBe(0)
    expect(part('partition made').output).toMatch(/partition isolated\n.*cpus.isolated 2-3\n.*\bcpuset\b/)
    expect(part('partition again')).toMatchObject(says(0, 'nothing to do'))
    expect(part('partition undone').exit).toBe(0)
    expect(part('partition gone').output).toMatch(/isolctl absent\n.*cpus.isolated \n/)
    expect(part('partition gone').output).not.toMatch(/\bcpuset\n/)
  })

  it('notices a partition that the kernel accepts and does not create', () => {
    expect(part('partition refused')).toMatchObject(says(4, 'isolated invalid', 'the machine is as it was'))
    expect(part('partition left').output).toContain('absent')
    expect(differing('after partitions')).toEqual([])
  })

  it('allows one run at a time', () => {
    for (const name of ['second apply', 'second undo'])
      expect(part(name)).toMatchObject(
        says(69, 'another isolctl \\(pid \\d+\\) is changing this machine', 'help:'),
      )
    expect(part('first apply').exit).toBe(0)
    expect(part('both undone').exit).toBe(0)
    expect(differing('after two')).toEqual([])
  })

  it('changes nothing that it cannot write to the journal', () => {
    expect(part('full disk')).toMatchObject(says(69, 'cannot write the journal', 'ENOSPC', 'help:'))
    expect(differing('after full disk')).toEqual([])
  })

  it('undoes the run when a file cannot be written', () => {
    expect(part('read-only')).toMatchObject(
      says(4, 'isolctl.service: EROFS', 'the machine is as it was', 'help:'),
    )
    expect(differing('after read-only')).toEqual([])
  })

  it('needs root', () => {
    for (const command of ['apply', 'undo', 'confirm'])
      expect(part(`user ${command}`)).toMatchObject(
        says(69, `isolctl ${command} must run as root`, 'help: sudo'),
      )
    expect(differing('after user')).toEqual([])
  })

  it('undoes a run without a confirmation, and reports that to a late confirm', () => {
    expect(part('unconfirmed')).toMatchObject(
      says(0, 'Taken back in 2 s unless confirmed with: isolctl confirm'),
    )
    expect(part('unconfirmed mask').output).toMatch(/cpumask 3\n/)
    expect(StatusSchema.parse(JSON.parse(part('waiting').output)).awaiting?.run).toMatch(/^[0-9a-f]{8}$/)
    expect(part('too late')).toMatchObject(says(1, 'was not confirmed', 'was taken back'))
    expect(differing('after unconfirmed')).toEqual([])
  })

  it('keeps a run that was confirmed', () => {
    expect(part('confirmed')).toMatchObject(says(0, 'is kept'))
    expect(part('confirmed mask').output).toMatch(/cpumask 3\n/)
    expect(part('confirmed undone').exit).toBe(0)
  })

  it('undoes a run that was killed before it could be confirmed', () => {
    expect(part('killed mask').output).toContain('"intent"')
    expect(StatusSchema.parse(JSON.parse(part('killed status').output)).changes).toEqual([])
    expect(differing('after killed')).toEqual([])
  })

  it('is undone when a CPU went offline meanwhile, or reports what remains', () => {
    expect(part('unplugged apply').exit).toBe(0)
    expect([0, 1, 5]).toContain(part('unplugged undo').exit)
    expect(part('unplugged again').exit).toBe(0)
    expect(differing('after unplugged')).toEqual([])
  })
})
