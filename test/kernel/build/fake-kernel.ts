// SPDX-License-Identifier: MIT
/**
 * A kernel source with one series, for builds with the programs of test/fixtures/tools instead of
 * compilers. The file "behaviour", which the only patch changes, says how the
 * compilation of the fake make ends.
 */
import {mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {execa} from 'execa'
import {vi} from 'vitest'
import {findProgram} from '../../../src/lib/programs.ts'

const TOOLS = join(import.meta.dirname, '../../fixtures/tools')
const PATH = process.env['PATH'] ?? ''
/** The date of the source, in seconds since the epoch. */
export const DATE = 1_700_000_000

export const patchTo = (behaviour: string, before = 'undecided') =>
  `why\n--- a/behaviour\n+++ b/behaviour\n@@ -1 +1 @@\n-${before}\n+${behaviour}\n`

export type FakeKernel = Awaited<ReturnType<typeof fakeKernel>>

/**
 * Linux 6.12.100, a series for it, and a cache, in a fresh folder. PATH begins with the fake tools.
 */
export async function fakeKernel() {
  vi.stubEnv('PATH', `${TOOLS}:${PATH}`)
  const box = await mkdtemp(join(tmpdir(), 'kernel-'))
  const [patches, tree, archive, cache] = ['patches', 'linux', 'linux.tar', 'cache'].map((name) =>
    join(box, name),
  ) as [string, string, string, string]
  const series = join(patches, '6.12')

  const pack = () => execa('tar', ['--create', '--file', archive, '--sort=name', '--directory', box, 'linux'])
  /** The source, as a tree and as an archive. */
  const makeSource = async (version: string) => {
    const [major, patchlevel, sublevel] = version.split('.')
    await mkdir(tree, {recursive: true})
    const makefile = `VERSION = ${major}\nPATCHLEVEL = ${patchlevel}\nSUBLEVEL = ${sublevel}\n`
    await writeFile(join(tree, 'Makefile'), makefile)
    await writeFile(join(tree, 'behaviour'), 'undecided\n')
    await utimes(join(tree, 'Makefile'), DATE, DATE)
    await pack()
  }
  const write = (name: string, text: string) => writeFile(join(series, name), text)
  await mkdir(join(series, 'config'), {recursive: true})
  const base = {
    version: '6.12',
    source: 'linux-source-6.12',
    testedWith: '6.12.100',
    applies: '>=6.12.60 <6.13',
  }
  await write('base.json', JSON.stringify(base))
  await write('series', '0001-behave.patch\n')
  await write('0001-behave.patch', patchTo('works'))
  await write('config/lab.config', 'CONFIG_LAB=y\n')
  await write('config/isolation.config', '# CONFIG_OTHER is not set\nCONFIG_NEEDED=y\n')
  await makeSource('6.12.100')

  /** The folder of the patched tree in the cache. */
  const cachedTree = async () => join(cache, 'trees', (await readdir(join(cache, 'trees')))[0] ?? '')
  return {
    ...{box, patches, series, tree, archive, cache},
    ...{pack, makeSource, cachedTree},
    /** Write a file of the series. */
    write,
    /** Change how the compilation ends: works, fails, full, hangs, imageless. */
    behave: (behaviour: string) => write('0001-behave.patch', patchTo(behaviour)),
    timesBuilt: async () =>
      (await readFile(join(cache, 'made'), 'utf8').catch(() => '')).split('\n').length - 1,
    /** The builds in the cache. */
    published: async () =>
      (await readdir(join(cache, 'builds')).catch(() => [])).filter((name) => !name.startsWith('.')),
    /**
     * The object directory of a compilation that hangs, and the pid of its process that ignores
     * SIGTERM.
     */
    hanging: async () =>
      await vi.waitFor(
        async () => {
          const folder = await cachedTree()
          const name = (await readdir(folder)).find((each) => each.startsWith('objects-')) ?? ''
          const pid = Number(await readFile(join(folder, name, 'sleeper'), 'utf8'))
          if (!pid) throw new Error('not yet')
          return {objects: join(folder, name), pid}
        },
        {timeout: 20_000, interval: 50},
      ),
    /** Let PATH have only these fake tools, and the real tar and sh. */
    async onlyTools(names: readonly string[]) {
      const few = join(box, 'few')
      await mkdir(few)
      for (const name of names) await execa('ln', ['-s', join(TOOLS, name), join(few, name)])
      for (const name of ['tar', 'sh'])
        await execa('ln', ['-s', (await findProgram(name, PATH)) ?? '', join(few, name)])
      vi.stubEnv('PATH', few)
    },
    async remove() {
      vi.unstubAllEnvs()
      await rm(box, {recursive: true, force: true})
    },
  }
}
