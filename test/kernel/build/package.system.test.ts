// SPDX-License-Identifier: MIT
import {mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {runBuild} from '../../../src/kernel/build/build.ts'
import {newestBuilt} from '../../../src/kernel/build/manifest.ts'
import {type PackageOptions, planBuild} from '../../../src/kernel/build/plan.ts'
import {Interrupted} from '../../../src/lib/errors.ts'
import {findProgram} from '../../../src/lib/programs.ts'
import {silent} from '../../../src/lib/progress.ts'

const TOOLS = join(import.meta.dirname, '../../fixtures/tools')
const PATH = process.env['PATH'] ?? ''
const DATE = 1_700_000_000

const CONFIG = `CONFIG_BASE=y
CONFIG_CC_VERSION_TEXT="gcc (fixture) 1.0"
CONFIG_LOCALVERSION=""
CONFIG_OTHER=y
`

let box: string
let notes: string[]

beforeEach(async () => {
  vi.stubEnv('PATH', `${TOOLS}:${PATH}`)
  box = await mkdtemp(join(tmpdir(), 'package-'))
  notes = []
  await mkdir(join(box, 'patches/6.12/config'), {recursive: true})
  const files = {
    'patches/6.12/base.json': JSON.stringify({
      version: '6.12',
      source: 'linux-source-6.12',
      testedWith: '6.12.100',
      applies: '>=6.12.60 <6.13',
    }),
    'patches/6.12/series': '0001-behave.patch\n',
    'patches/6.12/0001-behave.patch': patchTo('works'),
    'patches/6.12/config/isolation.config': '# CONFIG_OTHER is not set\nCONFIG_NEEDED=y\n',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(box, name), text)
  await makeTree('6', '12', '100')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(box, {recursive: true, force: true})
})

const patchTo = (behaviour: string, before = 'undecided') =>
  `why\n--- a/behaviour\n+++ b/behaviour\n@@ -1 +1 @@\n-${before}\n+${behaviour}\n`
const behave = (behaviour: string) =>
  writeFile(join(box, 'patches/6.12/0001-behave.patch'), patchTo(behaviour))

async function makeTree(version: string, patchlevel: string, sublevel: string): Promise<void> {
  const tree = join(box, 'linux')
  await mkdir(tree, {recursive: true})
  const makefile = `VERSION = ${version}\nPATCHLEVEL = ${patchlevel}\nSUBLEVEL = ${sublevel}\n`
  await writeFile(join(tree, 'Makefile'), makefile)
  await writeFile(join(tree, 'behaviour'), 'undecided\n')
  await utimes(join(tree, 'Makefile'), DATE, DATE)
  await execa('tar', ['--create', '--file', join(box, 'linux.tar'), '--directory', box, 'linux'])
}

const host = (files: Readonly<Record<string, string>> = {}) =>
  memoryHost({'/proc/config.gz': CONFIG, '/proc/sys/kernel/osrelease': '6.12.1\n', ...files})

const plan = (more: Partial<PackageOptions> = {}) =>
  planBuild({
    host: host(),
    origin: {path: join(box, 'linux.tar'), unsigned: true},
    localmodconfig: false,
    debugInfo: false,
    format: 'deb',
    forSecureBoot: false,
    patches: join(box, 'patches'),
    cache: join(box, 'cache'),
    ...more,
  })
const build = async (more: Partial<PackageOptions> = {}, run: {again?: boolean; signal?: AbortSignal} = {}) =>
  runBuild(await plan(more), {progress: silent, note: (text) => notes.push(text), ...run})
const timesBuilt = async () =>
  (await readFile(join(box, 'cache/made'), 'utf8').catch(() => '')).split('\n').length - 1
const published = async () =>
  (await readdir(join(box, 'cache/builds')).catch(() => [])).filter((name) => !name.startsWith('.'))
const config = async (folder: string) => await readFile(join(folder, 'config'), 'utf8')

test('builds a package once, with what it is made of, and finds it after that', async () => {
  const built = await build()
  expect(built).toMatchObject({
    release: expect.stringMatching(/^6\.12\.100-isolctl\.[0-9a-f]{8}$/) as string,
    version: '6.12.100',
    source: {kind: 'archive', verified: 'user'},
    series: {patches: 1},
    buildId: '0123abcd',
    date: DATE,
    objects: 2,
  })
  expect(built.files.map(({role}) => role).sort()).toEqual(['config', 'headers', 'image'])
  const left = await readdir(built.folder)
  expect(left.sort()).toEqual([...built.files.map(({name}) => name), 'manifest.json'].sort())
  expect(await config(built.folder)).toContain('CONFIG_BASE=y')
  expect(await config(built.folder)).toContain(
    `CONFIG_LOCALVERSION="${built.release.slice('6.12.100'.length)}"`,
  )
  expect(await config(built.folder)).toContain('# CONFIG_OTHER is not set')
  // linux-libc-dev would replace the headers of the C library; nothing of it may lie around.
  const [tree = ''] = await readdir(join(box, 'cache/trees'))
  expect((await readdir(join(box, 'cache/trees', tree))).sort()).toEqual([
    '.isolctl-tree.json',
    'Makefile',
    'behaviour',
  ])
  expect(await build()).toEqual(built)
  expect(await timesBuilt()).toBe(1)
  expect(await newestBuilt(join(box, 'cache/builds'))).toEqual(built)
})

test('RPM packages: the kernel and what modules are built with, not the headers of the C library', async () => {
  const {release, files} = await build({format: 'rpm'})
  const version = release.replace('-', '_')
  expect(files.map(({role, name}) => [role, name]).sort()).toEqual([
    ['config', 'config'],
    ['headers', `kernel-devel-${version}-1.x86_64.rpm`],
    ['image', `kernel-${version}-1.x86_64.rpm`],
  ])
})

test('a second build is the same, the key for modules included', async () => {
  const signed = {host: host({'/proc/config.gz': `${CONFIG}CONFIG_MODULE_SIG=y\n`})}
  const first = await build(signed)
  const second = await build(signed, {again: true})
  expect(await timesBuilt()).toBe(2)
  expect(second.vmlinuxSha256).toBe(first.vmlinuxSha256)
  expect(await config(second.folder)).toContain('CONFIG_MODULE_SIG_KEY="certs/isolctl.pem"')
  await rm(join(box, 'cache/keys'), {recursive: true})
  expect((await build(signed, {again: true})).vmlinuxSha256).not.toBe(first.vmlinuxSha256)
})

test('another configuration is another kernel, beside the first', async () => {
  await build()
  await writeFile(join(box, 'my.config'), `${CONFIG}CONFIG_MINE=y\n`)
  const mine = await build({kconfig: join(box, 'my.config')})
  expect(await config(mine.folder)).toContain('CONFIG_MINE=y')
  expect(await published()).toHaveLength(2)
})

test('a package that was damaged is built again', async () => {
  const {folder, files} = await build()
  await writeFile(join(folder, files.find(({role}) => role === 'image')?.name ?? ''), 'rubbish')
  await build()
  expect(await timesBuilt()).toBe(2)
})

test('only loaded modules, by request', async () => {
  const {folder} = await build({
    localmodconfig: true,
    host: host({'/proc/modules': 'zz 1 0 - Live 0x0\naa 2 1 zz, Live 0x0\n'}),
  })
  expect(await config(folder)).toMatch(
    /CONFIG_ASKED=y\nCONFIG_FOR_Module=m\nCONFIG_FOR_aa=m\nCONFIG_FOR_zz=m/,
  )
  await expect(plan({localmodconfig: true})).rejects.toMatchObject({
    message: expect.stringContaining('no module is loaded') as string,
    exit: 69,
  })
})

test('what the configuration lost is an error where we need it, and a note where we do not', async () => {
  const lossy = {host: host({'/proc/config.gz': `${CONFIG}CONFIG_LOST=y\n`})}
  await build(lossy)
  expect(notes).toEqual(['1 options of /proc/config.gz are not in this kernel: LOST'])
  await writeFile(join(box, 'patches/6.12/config/isolation.config'), 'CONFIG_LOST=y\n')
  await expect(build(lossy)).rejects.toMatchObject({code: 'config-lost', exit: 69})
})

describe('sources', () => {
  const tree = () => ({origin: {path: join(box, 'linux')}})
  const git = (...args: string[]) =>
    execa('git', ['-C', join(box, 'linux'), '-c', 'user.name=n', '-c', 'user.email=e', ...args])

  test('a tree is copied as it is, and never written to', async () => {
    const before = await readdir(join(box, 'linux'))
    const first = await build(tree())
    expect(first).toMatchObject({source: {kind: 'tree'}, date: DATE})
    expect(await readdir(join(box, 'linux'))).toEqual(before)
    expect(await readFile(join(box, 'linux/behaviour'), 'utf8')).toBe('undecided\n')
    expect(await build(tree())).toEqual(first)
    await writeFile(join(box, 'linux/new'), '')
    expect((await build(tree())).key).not.toBe(first.key)
  })

  test('a tree with objects in it is refused; of a git work tree they are left behind', async () => {
    await writeFile(join(box, 'linux/.config'), 'CONFIG_A=y\n')
    await expect(plan(tree())).rejects.toMatchObject({
      message: `${join(box, 'linux')} was built in: .config is there`,
      exit: 69,
    })
    await writeFile(join(box, 'linux/.gitignore'), '.config\n*.o\n')
    await writeFile(join(box, 'linux/gone'), '')
    await git('init', '--quiet')
    await git('add', '.')
    await git('commit', '--quiet', '--message', 'all', '--date', `@${DATE}`)
    await rm(join(box, 'linux/gone'))
    await writeFile(join(box, 'linux/one.o'), '')
    await writeFile(join(box, 'linux/added'), '')
    await build(tree())
    const [copy = ''] = await readdir(join(box, 'cache/trees'))
    expect((await readdir(join(box, 'cache/trees', copy))).sort()).toEqual([
      '.gitignore',
      '.isolctl-tree.json',
      'Makefile',
      'added',
      'behaviour',
    ])
  })

  test('a tag of a repository is what was tagged', async () => {
    await git('init', '--quiet')
    await git('add', '.')
    await git('commit', '--quiet', '--message', 'all')
    await git('tag', 'v6.12.100')
    await writeFile(join(box, 'linux/behaviour'), 'something else\n')
    const tagged = {origin: {path: join(box, 'linux'), tag: 'v6.12.100'}}
    expect(await build(tagged)).toMatchObject({source: {kind: 'tag', verified: 'user'}, version: '6.12.100'})
    await expect(plan({origin: {path: join(box, 'linux'), tag: 'v6.12.101'}})).rejects.toMatchObject({
      message: `${join(box, 'linux')} has no tag "v6.12.101"`,
      exit: 69,
    })
    await writeFile(join(box, 'keys'), 'x')
    await expect(plan({origin: {...tagged.origin, keyring: join(box, 'keys')}})).rejects.toMatchObject({
      message: 'v6.12.100 is not a signed tag',
      code: 'not-verified',
      exit: 69,
    })
  })

  test('an archive that nobody signed for is refused', async () => {
    await expect(plan({origin: {path: join(box, 'linux.tar')}})).rejects.toMatchObject({
      code: 'not-verified',
      exit: 69,
    })
  })

  test('a version without patches is refused, with what there is', async () => {
    await makeTree('6', '9', '3')
    await expect(plan()).rejects.toMatchObject({
      message: `${join(box, 'linux.tar')} is Linux 6.9.3, and there are no patches for that`,
      help: 'supported: >=6.12.60 <6.13 (tested with 6.12.100)',
      exit: 69,
    })
  })

  test('a truncated archive is refused, and leaves no tree', async () => {
    await writeFile(join(box, 'linux/bulk'), 'x'.repeat(200_000))
    await execa('tar', [
      '--create',
      '--file',
      join(box, 'linux.tar'),
      '--sort=name',
      '--directory',
      box,
      'linux',
    ])
    await execa('truncate', ['--size', '100000', join(box, 'linux.tar')])
    await expect(build()).rejects.toMatchObject({
      exit: 69,
      message: expect.stringContaining('linux.tar') as string,
    })
    expect(await readdir(join(box, 'cache/trees')).catch(() => [])).toEqual([])
    expect(await published()).toEqual([])
  })
})

describe('what stops a build leaves nothing under its name', () => {
  afterEach(async () => {
    expect(await published()).toEqual([])
  })

  test('a patch that does not apply', async () => {
    await writeFile(join(box, 'patches/6.12/0001-behave.patch'), patchTo('works', 'something else'))
    await expect(build()).rejects.toMatchObject({
      message: expect.stringMatching(
        /^0001-behave\.patch does not apply: behaviour, hunk 1 at line 1/,
      ) as string,
      exit: 69,
    })
    expect(await readdir(join(box, 'cache/trees'))).toEqual([])
  })

  test('a compiler error', async () => {
    await behave('fails')
    await expect(build()).rejects.toMatchObject({
      message: "the kernel build failed: kernel/two.c:3:7: error: 'isolated' undeclared",
      help: expect.stringContaining(join(box, 'cache/logs')) as string,
      exit: 69,
    })
  })

  test('a full disk, said as such', async () => {
    await behave('full')
    await expect(build()).rejects.toMatchObject({
      message: expect.stringContaining('No space left on device') as string,
      code: 'no-space',
      exit: 69,
    })
  })

  test('packaging without an image', async () => {
    await behave('imageless')
    await expect(build()).rejects.toThrow('its packaging left no image')
  })

  test('missing programs, by package', async () => {
    const few = join(box, 'few')
    await mkdir(few)
    for (const name of ['gcc', 'make', 'ld', 'openssl', 'depmod'])
      await execa('ln', ['-s', join(TOOLS, name), join(few, name)])
    for (const name of ['tar', 'sh'])
      await execa('ln', ['-s', (await findProgram(name, PATH)) ?? '', join(few, name)])
    vi.stubEnv('PATH', few)
    await expect(build()).rejects.toMatchObject({
      code: 'missing-software',
      help: expect.stringMatching(
        /^apt-get install bc bison .*debhelper dpkg-dev flex .*rsync .*xz-utils$/,
      ) as string,
      exit: 69,
    })
  })

  test('Secure Boot, unless the user takes care of it', async () => {
    const secure = host({
      '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c': '\x06\0\0\0\x01',
    })
    await expect(build({host: secure})).rejects.toMatchObject({code: 'secure-boot', exit: 69})
    await expect(plan({host: secure, forSecureBoot: true})).resolves.toMatchObject({format: 'deb'})
  })

  test('a configuration that is none, or that cannot be told', async () => {
    await writeFile(join(box, 'my.config'), '# nothing\n')
    await expect(plan({kconfig: join(box, 'my.config')})).rejects.toMatchObject({exit: 2})
    await expect(plan({host: memoryHost({'/proc/sys/kernel/osrelease': '6.12.1\n'})})).rejects.toMatchObject({
      help: 'name a configuration: --kconfig FILE',
      exit: 69,
    })
  })

  test('Ctrl-C; the next build goes on', async () => {
    await behave('hangs')
    const controller = new AbortController()
    const pending = build({}, {signal: controller.signal}).catch((error: unknown) => error)
    const objects = await vi.waitFor(async () => sleeping(), {timeout: 20_000, interval: 50})
    controller.abort(new Interrupted())
    expect(await pending).toMatchObject({
      exit: 130,
      help: 'nothing was published; the same command goes on where it stopped',
    })
    expect(await readdir(join(objects, 'kernel'))).toEqual(['one.o'])
    const made = await plan()
    expect(made.built).toBeUndefined()
  }, 30_000)

  async function sleeping(): Promise<string> {
    const trees = join(box, 'cache/trees')
    const [tree = ''] = await readdir(trees)
    const name = (await readdir(join(trees, tree))).find((each) => each.startsWith('objects-')) ?? ''
    await readFile(join(trees, tree, name, 'sleeper'))
    return join(trees, tree, name)
  }
})

test('a cache where no directory can be made', async () => {
  await expect(plan({cache: join(box, 'linux.tar')})).rejects.toMatchObject({
    message: `cannot make ${box}/linux.tar/builds: ENOTDIR`,
    exit: 69,
  })
})
