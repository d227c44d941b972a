// SPDX-License-Identifier: MIT
import {mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterEach, beforeEach, expect, test, vi} from 'vitest'
import {type BuildOptions, buildKernel} from '../../../src/kernel/build/lab.ts'
import {Interrupted} from '../../../src/lib/errors.ts'
import {findProgram} from '../../../src/lib/programs.ts'
import type {Progress} from '../../../src/lib/progress.ts'

const TOOLS = join(import.meta.dirname, '../../fixtures/tools')
const PATH = process.env['PATH'] ?? ''
// The fixtures stand in for compilers; these do their real work.
const hasRealTools = (await findProgram('patch')) !== undefined && (await findProgram('flock')) !== undefined

let box: string
let steps: string[]
const progress: Progress = {
  step: async (title, body) => {
    steps.push(title)
    return await body(() => {})
  },
}

beforeEach(async () => {
  vi.stubEnv('PATH', `${TOOLS}:${PATH}`)
  vi.stubEnv('MAKEFLAGS', '--somebody-elses')
  box = await mkdtemp(join(tmpdir(), 'build-'))
  steps = []
  await mkdir(join(box, 'patches/config'), {recursive: true})
  const files = {
    'patches/base.json': JSON.stringify({
      version: '6.12',
      source: 'linux-source-6.12',
      testedWith: '6.12.100',
      applies: '>=6.12.60 <6.13',
    }),
    'patches/series': '0001-behave.patch\n',
    'patches/0001-behave.patch': patchTo('works'),
    'patches/config/lab.config': 'CONFIG_LAB=y\n',
    'patches/config/isolation.config': '# CONFIG_OTHER is not set\n',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(box, name), text)
  await makeArchive('6', '12', '100')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(box, {recursive: true, force: true})
})

function patchTo(behaviour: string, before = 'undecided'): string {
  return `why\n--- a/behaviour\n+++ b/behaviour\n@@ -1 +1 @@\n-${before}\n+${behaviour}\n`
}

async function makeArchive(version: string, patchlevel: string, sublevel: string): Promise<void> {
  const source = join(box, 'linux')
  await mkdir(source, {recursive: true})
  await writeFile(
    join(source, 'Makefile'),
    `VERSION = ${version}\nPATCHLEVEL = ${patchlevel}\nSUBLEVEL = ${sublevel}\n`,
  )
  await writeFile(join(source, 'behaviour'), 'undecided\n')
  await execa('tar', ['--create', '--file', join(box, 'linux.tar'), '--directory', box, 'linux'])
}

const build = (more: Partial<BuildOptions> = {}) =>
  buildKernel({
    flavour: 'lab',
    progress,
    folder: join(box, 'patches'),
    archive: join(box, 'linux.tar'),
    cache: join(box, 'cache'),
    ...more,
  })
const behave = (behaviour: string) => writeFile(join(box, 'patches/0001-behave.patch'), patchTo(behaviour))
const timesBuilt = async () =>
  (await readFile(join(box, 'cache/made'), 'utf8').catch(() => '')).split('\n').length - 1
const published = async () =>
  (await readdir(join(box, 'cache/kernels')).catch(() => [])).filter((name) => !name.endsWith('.objects'))

test.skipIf(!hasRealTools)('builds once, and finds it after that', async () => {
  const first = await build()
  expect(first).toMatchObject({
    flavour: 'lab',
    base: '6.12',
    version: '6.12.100',
    release: '6.12.100-isolctl',
  })
  const image = await readFile(first.bzImage, 'utf8')
  expect(image).toContain('works\n')
  expect(image).toContain('KBUILD_BUILD_USER=isolctl')
  expect(image).toContain('LOCALVERSION=\n')
  expect(image).not.toContain('MAKEFLAGS') // not ours to inherit
  expect(await readFile(join(first.bzImage, '../config'), 'utf8')).toContain(
    'CONFIG_LAB=y\n# CONFIG_OTHER is not set',
  )
  expect(await build()).toEqual(first)
  expect(await timesBuilt()).toBe(1)
  expect(steps).toEqual([
    'unpack Linux 6.12.100',
    'apply 1 patch',
    'configure Linux 6.12.100 (lab + isolation)',
    'compile the kernel',
  ])
})

test.skipIf(!hasRealTools)('a changed fragment is another kernel from the same tree', async () => {
  const first = await build()
  await writeFile(join(box, 'patches/config/isolation.config'), 'CONFIG_OTHER=y\n')
  const second = await build()
  expect(second.key).not.toBe(first.key)
  expect(steps.filter((step) => step.startsWith('unpack'))).toHaveLength(1)
  expect(await published()).toHaveLength(2)
})

test.skipIf(!hasRealTools)('a changed patch is another tree, and the old one is not kept', async () => {
  await build()
  await behave('otherwise')
  await build()
  expect(await timesBuilt()).toBe(2)
  expect(await readdir(join(box, 'cache/trees'))).toHaveLength(1)
})

test.skipIf(!hasRealTools)('a damaged image is built again', async () => {
  const first = await build()
  await writeFile(first.bzImage, 'rubbish')
  expect((await build()).bzImageSha256).toBe(first.bzImageSha256)
  expect(await timesBuilt()).toBe(2)
})

test.skipIf(!hasRealTools)('two at once: one builds, the other one takes what it made', async () => {
  const [one, other] = await Promise.all([build(), build()])
  expect(one).toEqual(other)
  expect(await timesBuilt()).toBe(1)
})

test.skipIf(!hasRealTools)('a compiler error is shown, with the log', async () => {
  await behave('fails')
  const failure = await build().catch((error: unknown) => error)
  expect(failure).toMatchObject({
    message: "the kernel build failed: kernel/two.c:3:7: error: 'isolated' undeclared",
    exit: 69,
  })
  const log = /the whole log: (.*)/.exec((failure as {help: string}).help)?.[1] ?? ''
  expect(await readFile(log, 'utf8')).toContain('make[2]: *** ')
  expect(await published()).toEqual([])
})

test.skipIf(!hasRealTools)(
  'a patch that does not apply names patch, file and hunk, and leaves no tree',
  async () => {
    await writeFile(join(box, 'patches/0001-behave.patch'), patchTo('works', 'something else'))
    await expect(build()).rejects.toMatchObject({
      message: '0001-behave.patch does not apply: behaviour, hunk 1 at line 1',
      exit: 69,
    })
    expect(await readdir(join(box, 'cache/trees'))).toEqual([])
  },
)

test.skipIf(!hasRealTools)('no fuzz: context that moved away is a failure', async () => {
  await writeFile(join(box, 'linux/behaviour'), 'a\nb\nundecided\nc\nd\n')
  await execa('tar', ['--create', '--file', join(box, 'linux.tar'), '--directory', box, 'linux'])
  const fuzzy = '--- a/behaviour\n+++ b/behaviour\n@@ -1,5 +1,5 @@\n A\n b\n-undecided\n+works\n c\n d\n'
  await writeFile(join(box, 'patches/0001-behave.patch'), fuzzy)
  await expect(build()).rejects.toThrow(
    /does not apply: behaviour, hunk 1 at line 1; line 1 of it is "a", and the patch expects "A"$/,
  )
})

test.skipIf(!hasRealTools)('a symbol that the configuration lost is named', async () => {
  await writeFile(join(box, 'patches/config/lab.config'), 'CONFIG_LAB=y\nCONFIG_LOST=y\n')
  await expect(build()).rejects.toMatchObject({
    message: 'the kernel configuration lost CONFIG_LOST (wanted y, got n): this source does not know it',
    exit: 69,
  })
})

test.skipIf(!hasRealTools)(
  'an abort leaves no process and nothing finished; the next build goes on',
  async () => {
    await behave('hangs')
    const controller = new AbortController()
    const pending = build({signal: controller.signal}).catch((error: unknown) => error)
    const sleeper = await vi.waitFor(async () => readSleeper(), {timeout: 20_000, interval: 50})
    controller.abort(new Interrupted())
    expect(await pending).toBeInstanceOf(Interrupted)
    expect(isAlive(sleeper)).toBe(false)
    expect(await published()).toEqual([])
    // The same recipe, with a make that ends now: what was made and configured is still there.
    const [tree = ''] = await readdir(join(box, 'cache/trees'))
    await writeFile(join(box, 'cache/trees', tree, 'behaviour'), 'works\n')
    steps = []
    expect(await build()).toMatchObject({objects: 3})
    expect(steps).not.toContain('unpack Linux 6.12.100')
  },
  30_000,
)

async function readSleeper(): Promise<number> {
  const trees = join(box, 'cache/trees')
  const [tree = ''] = await readdir(trees)
  const objects = (await readdir(join(trees, tree))).find((name) => name.startsWith('objects-')) ?? ''
  const pid = Number(await readFile(join(trees, tree, objects, 'sleeper'), 'utf8'))
  if (!pid) throw new Error('not yet')
  return pid
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('missing tools are named by package before anything is made', async () => {
  const few = join(box, 'few')
  await mkdir(few)
  for (const name of ['gcc', 'make']) await execa('ln', ['-s', join(TOOLS, name), join(few, name)])
  await execa('ln', ['-s', (await findProgram('tar', PATH)) ?? '', join(few, 'tar')])
  await execa('ln', ['-s', (await findProgram('sh', PATH)) ?? '', join(few, 'sh')])
  vi.stubEnv('PATH', few)
  await expect(build()).rejects.toMatchObject({
    exit: 69,
    code: 'missing-software',
    message: expect.stringContaining('bison, flex') as string,
    help: expect.stringMatching(/^apt-get install bc binutils bison cpio flex .*xz-utils$/) as string,
  })
  await expect(stat(join(box, 'cache/trees'))).rejects.toThrow(/ENOENT/)
})

test('a source that is not there names its package; one that the patches are not for is refused', async () => {
  await expect(build({archive: undefined, folder: await otherSource()})).rejects.toMatchObject({
    exit: 69,
    help: 'apt-get install linux-source-0.01',
  })
  await makeArchive('6', '13', '1')
  await expect(build()).rejects.toThrow(/is Linux 6\.13\.1, and the patches are for >=6\.12\.60 <6\.13/)
  await writeFile(join(box, 'linux.tar'), 'not an archive')
  await expect(build()).rejects.toThrow(/is not a Linux source archive/)
})

async function otherSource(): Promise<string> {
  vi.stubEnv('ISOLCTL_KERNEL_SOURCE', undefined)
  const file = join(box, 'patches/base.json')
  await writeFile(file, (await readFile(file, 'utf8')).replace('linux-source-6.12', 'linux-source-0.01'))
  return join(box, 'patches')
}
