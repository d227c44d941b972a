// SPDX-License-Identifier: MIT
import {readdir, readFile, rm, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterEach, beforeEach, describe, expect, test} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {buildKernel} from '../../../src/kernel/build/build.ts'
import {newestPackage} from '../../../src/kernel/build/manifest.ts'
import {type PackageRequest, planPackage} from '../../../src/kernel/build/package-product.ts'
import {labKernel} from '../../../src/lab/kernel.ts'
import {Interrupted} from '../../../src/lib/errors.ts'
import {silent} from '../../../src/lib/progress.ts'
import {DATE, type FakeKernel, fakeKernel, patchTo} from './fake-kernel.ts'

const CONFIG = `CONFIG_BASE=y
CONFIG_CC_VERSION_TEXT="gcc (fixture) 1.0"
CONFIG_LOCALVERSION=""
CONFIG_OTHER=y
`

let fake: FakeKernel
let notes: string[]

beforeEach(async () => {
  fake = await fakeKernel()
  notes = []
})
afterEach(() => fake.remove())

const host = (files: Readonly<Record<string, string>> = {}) =>
  memoryHost({'/proc/config.gz': CONFIG, '/proc/sys/kernel/osrelease': '6.12.1\n', ...files})

const plan = (more: Partial<PackageRequest> = {}) =>
  planPackage({
    host: host(),
    source: {path: fake.archive, unsigned: true},
    localmodconfig: false,
    debugInfo: false,
    format: 'deb',
    forSecureBoot: false,
    patches: fake.patches,
    cache: fake.cache,
    ...more,
  })
const build = async (more: Partial<PackageRequest> = {}, run: {again?: boolean; signal?: AbortSignal} = {}) =>
  buildKernel(await plan(more), {progress: silent, note: (text) => notes.push(text), ...run})
const config = async (folder: string) => await readFile(join(folder, 'config'), 'utf8')

test('builds a package once, with a manifest, and finds the build in the cache', async () => {
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
  // linux-libc-dev would replace the headers of the C library: it must be removed.
  const [tree = ''] = await readdir(join(fake.cache, 'trees'))
  expect((await readdir(join(fake.cache, 'trees', tree))).sort()).toEqual([
    '.isolctl-tree.json',
    'Makefile',
    'behaviour',
  ])
  expect(await build()).toEqual(built)
  expect(await fake.timesBuilt()).toBe(1)
  expect(await newestPackage(join(fake.cache, 'builds'))).toEqual(built)
})

test('RPM packages: the kernel and the headers for modules, without the headers of the C library', async () => {
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
  expect(await fake.timesBuilt()).toBe(2)
  expect(second.vmlinuxSha256).toBe(first.vmlinuxSha256)
  expect(await config(second.folder)).toContain('CONFIG_MODULE_SIG_KEY="certs/isolctl.pem"')
  await rm(join(fake.cache, 'keys'), {recursive: true})
  expect((await build(signed, {again: true})).vmlinuxSha256).not.toBe(first.vmlinuxSha256)
})

test('another configuration is another kernel, beside the first', async () => {
  await build()
  await writeFile(join(fake.box, 'my.config'), `${CONFIG}CONFIG_MINE=y\n`)
  const mine = await build({kconfig: join(fake.box, 'my.config')})
  expect(await config(mine.folder)).toContain('CONFIG_MINE=y')
  expect(await fake.published()).toHaveLength(2)
})

test('a damaged package is built again', async () => {
  const {folder, files} = await build()
  await writeFile(join(folder, files.find(({role}) => role === 'image')?.name ?? ''), 'rubbish')
  await build()
  expect(await fake.timesBuilt()).toBe(2)
})

test('only the loaded modules, with --localmodconfig', async () => {
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

test('a lost symbol is an error if isolctl needs it, and a note if not', async () => {
  const lossy = {host: host({'/proc/config.gz': `${CONFIG}CONFIG_LOST=y\n`})}
  await build(lossy)
  expect(notes).toEqual(['1 options of /proc/config.gz are not in this kernel: LOST'])
  await fake.write('config/isolation.config', 'CONFIG_LOST=y\n')
  await expect(build(lossy)).rejects.toMatchObject({code: 'config-lost', exit: 69})
})

describe('sources', () => {
  const tree = () => ({source: {path: fake.tree}})
  const git = (...args: string[]) =>
    execa('git', ['-C', fake.tree, '-c', 'user.name=n', '-c', 'user.email=e', ...args])

  test('a tree is copied as it is, and never written to', async () => {
    const before = await readdir(fake.tree)
    const first = await build(tree())
    expect(first).toMatchObject({source: {kind: 'tree'}, date: DATE})
    expect(await readdir(fake.tree)).toEqual(before)
    expect(await readFile(join(fake.tree, 'behaviour'), 'utf8')).toBe('undecided\n')
    expect(await build(tree())).toEqual(first)
    await writeFile(join(fake.tree, 'new'), '')
    expect((await build(tree())).key).not.toBe(first.key)
  })

  test('a tree with objects is refused; those of a git work tree are left out', async () => {
    await writeFile(join(fake.tree, '.config'), 'CONFIG_A=y\n')
    await expect(plan(tree())).rejects.toMatchObject({
      message: `a kernel was built in ${fake.tree}: .config exists`,
      exit: 69,
    })
    await writeFile(join(fake.tree, '.gitignore'), '.config\n*.o\n')
    await writeFile(join(fake.tree, 'gone'), '')
    await git('init', '--quiet')
    await git('add', '.')
    await git('commit', '--quiet', '--message', 'all', '--date', `@${DATE}`)
    await rm(join(fake.tree, 'gone'))
    await writeFile(join(fake.tree, 'one.o'), '')
    await writeFile(join(fake.tree, 'added'), '')
    await build(tree())
    const [copy = ''] = await readdir(join(fake.cache, 'trees'))
    expect((await readdir(join(fake.cache, 'trees', copy))).sort()).toEqual([
      '.gitignore',
      '.isolctl-tree.json',
      'Makefile',
      'added',
      'behaviour',
    ])
  })

  test('a tag is the source that was tagged', async () => {
    await git('init', '--quiet')
    await git('add', '.')
    await git('commit', '--quiet', '--message', 'all')
    await git('tag', 'v6.12.100')
    await writeFile(join(fake.tree, 'behaviour'), 'something else\n')
    const tagged = {source: {path: fake.tree, tag: 'v6.12.100'}}
    expect(await build(tagged)).toMatchObject({source: {kind: 'tag', verified: 'user'}, version: '6.12.100'})
    await expect(plan({source: {path: fake.tree, tag: 'v6.12.101'}})).rejects.toMatchObject({
      message: `${fake.tree} has no tag "v6.12.101"`,
      exit: 69,
    })
    await writeFile(join(fake.box, 'keys'), 'x')
    await expect(plan({source: {...tagged.source, keyring: join(fake.box, 'keys')}})).rejects.toMatchObject({
      message: 'v6.12.100 is not a signed tag',
      code: 'not-verified',
      exit: 69,
    })
  })

  test('an archive without a signature is refused', async () => {
    await expect(plan({source: {path: fake.archive}})).rejects.toMatchObject({
      code: 'not-verified',
      exit: 69,
    })
  })

  test('a version without patches is refused, and the supported versions are named', async () => {
    await fake.makeSource('6.9.3')
    await expect(plan()).rejects.toMatchObject({
      message: `${fake.archive} is Linux 6.9.3, and there are no patches for that version`,
      help: 'supported: >=6.12.60 <6.13 (tested with 6.12.100)',
      exit: 69,
    })
  })

  test('a truncated archive is refused, and leaves no tree', async () => {
    await writeFile(join(fake.tree, 'bulk'), 'x'.repeat(200_000))
    await fake.pack()
    await execa('truncate', ['--size', '100000', fake.archive])
    await expect(build()).rejects.toMatchObject({
      exit: 69,
      message: expect.stringContaining('linux.tar') as string,
    })
    expect(await readdir(join(fake.cache, 'trees')).catch(() => [])).toEqual([])
    expect(await fake.published()).toEqual([])
  })
})

describe('a build that fails leaves nothing in the cache', () => {
  afterEach(async () => {
    expect(await fake.published()).toEqual([])
  })

  test('a patch that does not apply', async () => {
    await fake.write('0001-behave.patch', patchTo('works', 'something else'))
    await expect(build()).rejects.toMatchObject({
      message: expect.stringMatching(
        /^0001-behave\.patch does not apply: behaviour, hunk 1 at line 1/,
      ) as string,
      exit: 69,
    })
    expect(await readdir(join(fake.cache, 'trees'))).toEqual([])
  })

  test('a compiler error', async () => {
    await fake.behave('fails')
    await expect(build()).rejects.toMatchObject({
      message: "the kernel build failed: kernel/two.c:3:7: error: 'isolated' undeclared",
      help: expect.stringContaining(join(fake.cache, 'logs')) as string,
      exit: 69,
    })
  })

  test('a full disk', async () => {
    await fake.behave('full')
    await expect(build()).rejects.toMatchObject({
      message: expect.stringContaining('No space left on device') as string,
      code: 'no-space',
      exit: 69,
    })
  })

  test('packaging without an image', async () => {
    await fake.behave('imageless')
    await expect(build()).rejects.toThrow('make left no image')
  })

  test('missing programs, by package', async () => {
    await fake.onlyTools(['gcc', 'make', 'ld', 'openssl', 'depmod'])
    await expect(build()).rejects.toMatchObject({
      code: 'missing-software',
      help: expect.stringMatching(
        /^apt-get install bc bison .*debhelper dpkg-dev flex .*rsync .*xz-utils$/,
      ) as string,
      exit: 69,
    })
  })

  test('Secure Boot, unless the user signs the kernel', async () => {
    const secure = host({
      '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c': '\x06\0\0\0\x01',
    })
    await expect(build({host: secure})).rejects.toMatchObject({code: 'secure-boot', exit: 69})
    await expect(plan({host: secure, forSecureBoot: true})).resolves.toMatchObject({format: 'deb'})
  })

  test('a file that is no configuration, and an unknown configuration', async () => {
    await writeFile(join(fake.box, 'my.config'), '# nothing\n')
    await expect(plan({kconfig: join(fake.box, 'my.config')})).rejects.toMatchObject({exit: 2})
    await expect(plan({host: memoryHost({'/proc/sys/kernel/osrelease': '6.12.1\n'})})).rejects.toMatchObject({
      help: 'name a configuration: --kconfig FILE',
      exit: 69,
    })
  })

  test('Ctrl-C; the next build goes on', async () => {
    await fake.behave('hangs')
    const controller = new AbortController()
    const pending = build({}, {signal: controller.signal}).catch((error: unknown) => error)
    const {objects} = await fake.hanging()
    controller.abort(new Interrupted())
    expect(await pending).toMatchObject({
      exit: 130,
      help: 'nothing was published; the same command goes on where it stopped',
    })
    expect(await readdir(join(objects, 'kernel'))).toEqual(['one.o'])
    const made = await plan()
    expect(made.built).toBeUndefined()
  }, 30_000)
})

test('a cache where no directory can be made', async () => {
  await expect(plan({cache: fake.archive})).rejects.toMatchObject({
    message: `cannot make ${fake.archive}/builds: ENOTDIR`,
    exit: 69,
  })
})

test('a kernel of the lab in the same cache is no package', async () => {
  const built = await build()
  const {folder} = await labKernel({
    progress: silent,
    series: fake.series,
    source: {path: fake.archive},
    cache: fake.cache,
  })
  expect((await fake.published()).map((name) => join(fake.cache, 'builds', name)).sort()).toEqual(
    [built.folder, folder].sort(),
  )
  expect(await newestPackage(join(fake.cache, 'builds'))).toEqual(built)
})
