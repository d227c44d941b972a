// SPDX-License-Identifier: MIT
import {readdir, readFile, stat, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {afterEach, beforeEach, expect, test, vi} from 'vitest'
import {type LabKernelOptions, labKernel} from '../../../src/lab/kernel.ts'
import {Interrupted} from '../../../src/lib/errors.ts'
import {findProgram} from '../../../src/lib/programs.ts'
import type {Progress} from '../../../src/lib/progress.ts'
import {DATE, type FakeKernel, fakeKernel, patchTo} from './fake-kernel.ts'

// The fixtures stand in for compilers; these programs do their real work.
const hasRealTools = (await findProgram('patch')) !== undefined && (await findProgram('flock')) !== undefined

let fake: FakeKernel
let steps: string[]
const progress: Progress = {
  step: async (title, body) => {
    steps.push(title)
    return await body(() => {})
  },
}

beforeEach(async () => {
  fake = await fakeKernel()
  await fake.write('config/isolation.config', '# CONFIG_OTHER is not set\n')
  vi.stubEnv('MAKEFLAGS', '--of-the-caller')
  steps = []
})
afterEach(() => fake.remove())

const build = (more: Partial<LabKernelOptions> = {}) =>
  labKernel({progress, series: fake.series, source: {path: fake.archive}, cache: fake.cache, ...more})

test.skipIf(!hasRealTools)('builds once, and finds the build in the cache', async () => {
  const first = await build()
  expect(first).toMatchObject({
    schema: 'isolctl.kernel/2',
    flavour: 'lab',
    base: '6.12',
    version: '6.12.100',
    release: '6.12.100-isolctl',
    source: {kind: 'archive', name: fake.archive, verified: 'user'},
    series: {patches: 1},
    buildId: '0123abcd',
    date: DATE,
  })
  const image = await readFile(first.bzImage, 'utf8')
  expect(image).toContain('works\n')
  expect(image).toContain('KBUILD_BUILD_USER=isolctl')
  expect(image).toContain('LOCALVERSION=\n')
  expect(image).not.toContain('MAKEFLAGS') // that of the caller
  expect(await readFile(join(first.bzImage, '../config'), 'utf8')).toContain(
    'CONFIG_LAB=y\n# CONFIG_OTHER is not set',
  )
  expect(await build()).toEqual(first)
  expect(await fake.timesBuilt()).toBe(1)
  expect(steps).toEqual([
    'unpack Linux 6.12.100',
    'apply 1 patch',
    'configure Linux 6.12.100 (lab + isolation)',
    'compile the kernel',
  ])
})

test.skipIf(!hasRealTools)('a changed fragment is another kernel from the same tree', async () => {
  const first = await build()
  await fake.write('config/isolation.config', 'CONFIG_OTHER=y\n')
  const second = await build()
  expect(second.key).not.toBe(first.key)
  expect(steps.filter((step) => step.startsWith('unpack'))).toHaveLength(1)
  expect(await fake.published()).toHaveLength(2)
})

test.skipIf(!hasRealTools)('a changed patch is another tree, and the old tree is removed', async () => {
  await build()
  await fake.behave('otherwise')
  await build()
  expect(await fake.timesBuilt()).toBe(2)
  expect(await readdir(join(fake.cache, 'trees'))).toHaveLength(1)
})

test.skipIf(!hasRealTools)('a damaged image is built again', async () => {
  const first = await build()
  await writeFile(first.bzImage, 'rubbish')
  expect((await build()).files).toEqual(first.files)
  expect(await fake.timesBuilt()).toBe(2)
})

test.skipIf(!hasRealTools)(
  'of two builds at once, the second one takes the result of the first',
  async () => {
    const [one, other] = await Promise.all([build(), build()])
    expect(one).toEqual(other)
    expect(await fake.timesBuilt()).toBe(1)
  },
)

test.skipIf(!hasRealTools)('a compiler error is in the message, and the log has the rest', async () => {
  await fake.behave('fails')
  const failure = await build().catch((error: unknown) => error)
  expect(failure).toMatchObject({
    message: "the kernel build failed: kernel/two.c:3:7: error: 'isolated' undeclared",
    exit: 69,
  })
  const log = /the complete log: (.*)/.exec((failure as {help: string}).help)?.[1] ?? ''
  expect(await readFile(log, 'utf8')).toContain('make[2]: *** ')
  expect(await fake.published()).toEqual([])
})

test.skipIf(!hasRealTools)(
  'a patch that does not apply: the error names patch, file and hunk, and no tree remains',
  async () => {
    await fake.write('0001-behave.patch', patchTo('works', 'something else'))
    await expect(build()).rejects.toMatchObject({
      message: '0001-behave.patch does not apply: behaviour, hunk 1 at line 1',
      exit: 69,
    })
    expect(await readdir(join(fake.cache, 'trees'))).toEqual([])
  },
)

test.skipIf(!hasRealTools)('no fuzz: a changed context is an error', async () => {
  await writeFile(join(fake.tree, 'behaviour'), 'a\nb\nundecided\nc\nd\n')
  await fake.pack()
  const fuzzy = '--- a/behaviour\n+++ b/behaviour\n@@ -1,5 +1,5 @@\n A\n b\n-undecided\n+works\n c\n d\n'
  await fake.write('0001-behave.patch', fuzzy)
  await expect(build()).rejects.toThrow(
    /does not apply: behaviour, hunk 1 at line 1; line 1 of it is "a", and the patch expects "A"$/,
  )
})

test.skipIf(!hasRealTools)('a symbol that the configuration lost is named', async () => {
  await fake.write('config/lab.config', 'CONFIG_LAB=y\nCONFIG_LOST=y\n')
  await expect(build()).rejects.toMatchObject({
    message: 'the kernel configuration lost CONFIG_LOST (wanted y, got n): this source does not have it',
    exit: 69,
  })
})

test.skipIf(!hasRealTools)(
  'an abort leaves no process and no build; the next build goes on',
  async () => {
    await fake.behave('hangs')
    const controller = new AbortController()
    const pending = build({signal: controller.signal}).catch((error: unknown) => error)
    const {pid} = await fake.hanging()
    controller.abort(new Interrupted())
    const error = await pending
    expect(error).toBeInstanceOf(Interrupted)
    expect(error).toMatchObject({
      help: 'nothing was published; the same command goes on where it stopped',
    })
    expect(isAlive(pid)).toBe(false)
    expect(await fake.published()).toEqual([])
    // The same ingredients, with a make that ends now: the configuration and the first object
    // remain.
    await writeFile(join(await fake.cachedTree(), 'behaviour'), 'works\n')
    steps = []
    expect(await build()).toMatchObject({objects: 3})
    expect(steps).not.toContain('unpack Linux 6.12.100')
  },
  30_000,
)

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('missing programs are named by package before anything is made', async () => {
  await fake.onlyTools(['gcc', 'make'])
  await expect(build()).rejects.toMatchObject({
    exit: 69,
    code: 'missing-software',
    message: expect.stringContaining('bison, flex') as string,
    help: expect.stringMatching(/^apt-get install bc binutils bison cpio flex .*xz-utils$/) as string,
  })
  await expect(stat(join(fake.cache, 'trees'))).rejects.toThrow(/ENOENT/)
})

test('a missing source names its package', async () => {
  vi.stubEnv('ISOLCTL_KERNEL_SOURCE', undefined)
  const base = await readFile(join(fake.series, 'base.json'), 'utf8')
  await fake.write('base.json', base.replace('linux-source-6.12', 'linux-source-0.01'))
  await expect(build({source: {}})).rejects.toMatchObject({
    exit: 69,
    help: 'apt-get install linux-source-0.01',
  })
})

test('a source without a series is refused, and so is a file that is no source', async () => {
  await fake.makeSource('6.13.1')
  await expect(build()).rejects.toMatchObject({
    message: `${fake.archive} is Linux 6.13.1, and there are no patches for that version`,
    help: 'supported: >=6.12.60 <6.13 (tested with 6.12.100)',
    exit: 69,
  })
  await writeFile(fake.archive, 'not an archive')
  await expect(build()).rejects.toThrow(/is not a Linux source archive/)
})

test('a path in the environment is the source if no path is given', async () => {
  vi.stubEnv('ISOLCTL_KERNEL_SOURCE', fake.archive)
  expect((await build({source: {}})).source.name).toBe(fake.archive)
})
