// SPDX-License-Identifier: MIT
import {chmod, chown, mkdir, mkdtemp, readdir, rm, symlink, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterEach, beforeEach, describe, expect, it} from 'vitest'
import {chosen, copied} from '../../../src/kernel/install/chosen.ts'
import {Interrupted} from '../../../src/lib/errors.ts'
import {cleanEnvironment} from '../../../src/lib/programs.ts'
import {requireRootsProgram} from '../../../src/lib/trust.ts'

let folder = ''
const at = (name: string) => join(folder, name)
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
  await mkdir(at('packages'))
  await writeFile(at('packages/a.deb'), 'deb', {mode: 0o644})
  await writeFile(at('packages/manifest.json'), '{}', {mode: 0o644})
  await symlink('/etc/shadow', at('packages/link'))
})
afterEach(() => rm(folder, {recursive: true}))

describe.runIf(process.geteuid?.() === 0)('the package to install as root', () => {
  it('is one that nobody else can change', async () => {
    expect(await chosen(at('packages/a.deb'))).toBe(at('packages/a.deb'))
    await chmod(at('packages/a.deb'), 0o666)
    await expect(chosen(at('packages/a.deb'))).rejects.toMatchObject({code: 'not-trusted', exit: 69})
    await chmod(at('packages/a.deb'), 0o644)
    await chmod(at('packages'), 0o777)
    await expect(chosen(at('packages/a.deb'))).rejects.toMatchObject({code: 'not-trusted'})
  })

  it('belongs to root, or to the user of sudo who named it', async () => {
    await chown(at('packages/a.deb'), 1234, 1234)
    await expect(chosen(at('packages/a.deb'))).rejects.toThrow('belongs to user 1234')
    const before = process.env['SUDO_UID']
    process.env['SUDO_UID'] = '1234'
    try {
      expect(await chosen(at('packages/a.deb'))).toBe(at('packages/a.deb'))
    } finally {
      if (before === undefined) delete process.env['SUDO_UID']
      else process.env['SUDO_UID'] = before
    }
  })

  it("is looked for only in a cache that is root's, which is not made for it", async () => {
    await expect(chosen(undefined, at('none'))).rejects.toThrow('this user has built none')
    expect(await readdir(folder)).not.toContain('none')
    await mkdir(at('cache/builds/x'), {recursive: true})
    // Reading this would take for ever.
    await execa('mkfifo', [at('cache/builds/x/manifest.json')])
    await chown(at('cache/builds'), 1234, 1234)
    await expect(chosen(undefined, at('cache'))).rejects.toThrow('builds belongs to user 1234')
  })

  it('is not copied to where others could replace the copy', async () => {
    await mkdir(at('shared'))
    await chmod(at('shared'), 0o777)
    await mkdir(at('shared/copy'), {mode: 0o700})
    await expect(copied(at('packages'), at('shared/copy'))).rejects.toMatchObject({code: 'not-trusted'})
    await chmod(at('shared'), 0o1777)
    expect(await copied(at('packages'), at('shared/copy'))).toBe(at('shared/copy'))
  })

  it("isolctl that runs later as root is root's alone", async () => {
    await mkdir(at('bin'))
    await writeFile(at('bin/isolctl'), '')
    await writeFile(at('bin/run.js'), '')
    await writeFile(at('package.json'), '{}')
    await requireRootsProgram('the trial', folder)
    await mkdir(at('dist'), {mode: 0o755})
    await writeFile(at('dist/isolctl.js'), '')
    await chmod(at('dist/isolctl.js'), 0o666)
    await expect(requireRootsProgram('the trial', folder)).rejects.toMatchObject({code: 'not-trusted'})
  })
})

it('a copy has the files, and no link', async () => {
  await mkdir(at('copy'))
  expect(await copied(at('packages'), at('copy'))).toBe(at('copy'))
  expect((await readdir(at('copy'))).sort()).toEqual(['a.deb', 'manifest.json'])
  await mkdir(at('pipes'))
  await execa('mkfifo', [at('pipes/b.deb')])
  await mkdir(at('none'))
  await copied(at('pipes'), at('none')) // does not wait for a writer
  expect(await readdir(at('none'))).toEqual([])
  await expect(copied(at('packages'), at('none'), AbortSignal.abort(new Interrupted()))).rejects.toThrow(
    Interrupted,
  )
  await mkdir(at('one'))
  expect(await copied(at('packages/a.deb'), at('one'))).toBe(at('one/a.deb'))
  await chmod(at('packages/a.deb'), 0o666) // the directory is ours alone
  for (const path of ['packages', 'packages/a.deb'])
    await expect(copied(at(path), await mkdtemp(at('copy-')))).rejects.toMatchObject({code: 'not-trusted'})
  await expect(copied(at('nowhere'), at('one'))).rejects.toMatchObject({exit: 69, code: 'ENOENT'})
})

it('programs get nothing of the caller that could make them run something else', () => {
  const caller = {
    PATH: '/tmp/evil:/usr/bin',
    LD_PRELOAD: '/tmp/x.so',
    LD_LIBRARY_PATH: '/tmp',
    NODE_OPTIONS: '--require /tmp/x.js',
    NODE_EXTRA_CA_CERTS: '/tmp/x',
    ISOLCTL_CONFIG: '/tmp/x',
    BASH_ENV: '/tmp/x',
    HOME: '/tmp/home',
    XDG_CACHE_HOME: '/tmp',
    LANG: 'de_DE.UTF-8',
  }
  const names = Object.keys(cleanEnvironment({}, caller)).sort()
  expect(names).toEqual(['HOME', 'LC_ALL', 'PATH'])
  expect(Object.keys(cleanEnvironment({translated: true}, caller)).sort()).toEqual(['HOME', 'LANG', 'PATH'])
  if (process.geteuid?.() === 0)
    expect(cleanEnvironment({}, caller)).toMatchObject({PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root'})
})
