// SPDX-License-Identifier: MIT
/**
 * The kernel's own functions for isolation arguments, extracted from a source archive and compiled
 * for user space. The archive is read once; the few files that are needed are kept in the cache.
 */
import {mkdtemp, readdir, rename, rm, stat, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {basename, join} from 'node:path'
import {execa} from 'execa'
import {cacheFolder, cacheRoot} from '../../../src/lib/cache.ts'
import {readIfPresent} from '../../../src/lib/files.ts'

/** Files of the kernel. Not every version has all of them. */
const FILES = [
  'include/linux/ctype.h',
  'include/linux/sched/isolation.h',
  'init/main.c',
  'kernel/irq/irqdesc.c',
  'kernel/params.c',
  'kernel/rcu/tree_nocb.h',
  'kernel/rcu/tree_plugin.h',
  'kernel/sched/isolation.c',
  'kernel/smp.c',
  'kernel/time/tick-sched.c',
  'lib/bitmap-str.c',
  'lib/bitmap.c',
  'lib/cmdline.c',
  'lib/ctype.c',
]

/**
 * "6.12" to its archive: Debian and Ubuntu put linux-source-VERSION there; scripts/bootstrap.sh fetches
 * others into the cache; or a folder of one's own.
 */
export async function kernelArchives(): Promise<ReadonlyMap<string, string>> {
  const own = process.env['ISOLCTL_KERNEL_SOURCES']
  const folders = ['/usr/src', join(cacheRoot(), 'sources'), ...(own === undefined ? [] : [own])]
  const archives = new Map<string, string>()
  for (const folder of folders)
    for (const name of await readdir(folder).catch((): string[] => [])) {
      // Ubuntu: linux-source-5.15.0/linux-source-5.15.0.tar.bz2, with a link beside the folder.
      const version = /^linux-(?:source-)?(\d+\.\d+)(?:\.\d+)?(?:\.tar\.\w+)?$/.exec(name)?.[1]
      if (version === undefined) continue
      const path = join(folder, name)
      const inside = (await readdir(path).catch((): string[] => [])).find((file) => /\.tar\.\w+$/.test(file))
      if (/\.tar\.\w+$/.test(name)) archives.set(version, path)
      else if (inside !== undefined) archives.set(version, join(path, inside))
    }
  return archives
}

/** The files of an archive that the oracle needs, by their path in the kernel. */
async function sourcesOf(archive: string): Promise<ReadonlyMap<string, string>> {
  const {size, mtimeMs} = await stat(archive)
  const folder = join(await cacheFolder('oracle'), `${basename(archive)}-${size}-${Math.round(mtimeMs)}`)
  if ((await stat(folder).catch(() => undefined)) === undefined) {
    const scratch = await mkdtemp(`${folder}.`)
    // A file that this version does not have makes tar fail after it has extracted the others.
    await execa(
      'tar',
      [
        '-x',
        '-f',
        archive,
        '-C',
        scratch,
        '--strip-components=1',
        '--wildcards',
        ...FILES.map((file) => `*/${file}`),
      ],
      {reject: false, env: {LC_ALL: 'C'}},
    )
    await rename(scratch, folder).catch(async (error: unknown) => {
      await rm(scratch, {recursive: true})
      if ((await stat(folder).catch(() => undefined)) === undefined) throw error
    })
  }
  const texts = new Map<string, string>()
  for (const file of FILES) {
    const text = await readIfPresent(join(folder, file))
    if (text !== undefined) texts.set(file, text)
  }
  return texts
}

export interface Oracle {
  /** Answers for command lines, as harness.c describes. */
  run(input: string): Promise<string>
  close(): Promise<void>
}

/** Compile the functions of an archive. Throws Error if one of them is not found. */
export async function compileOracle(archive: string): Promise<Oracle> {
  const code = extract(await sourcesOf(archive))
  const scratch = await mkdtemp(join(tmpdir(), 'isolctl-oracle-'))
  await writeFile(join(scratch, 'kernel.h'), code)
  const program = join(scratch, 'oracle')
  const harness = join(import.meta.dirname, 'harness.c')
  await execa('cc', [
    '-O1',
    '-w',
    '-Werror=implicit-function-declaration',
    '-fno-strict-aliasing',
    '-I',
    scratch,
    '-o',
    program,
    harness,
  ])
  return {
    run: async (input) => (await execa(program, {input, stripFinalNewline: false, maxBuffer: 1e9})).stdout,
    close: () => rm(scratch, {recursive: true}),
  }
}

function extract(sources: ReadonlyMap<string, string>): string {
  const text = (file: string) => {
    const found = sources.get(file)
    if (found === undefined) throw new Error(`the archive has no ${file}`)
    return found
  }
  const functions = (file: string, ...names: readonly string[]) =>
    names.map((name) => functionOf(text(file), name) ?? missing(name, file))
  const first = (...files: readonly string[]) => files.find((file) => sources.has(file)) ?? ''
  const isolation = text('kernel/sched/isolation.c')
  const header = text('include/linux/sched/isolation.h')
  const oneMask = isolation.includes('static cpumask_var_t housekeeping_mask;')
  const list = first('lib/bitmap-str.c', 'lib/bitmap.c')
  const regions = text(list).includes('struct region {')
  const rcu = text(first('kernel/rcu/tree_nocb.h', 'kernel/rcu/tree_plugin.h'))
  const repair =
    functionOf(text('init/main.c'), 'repair_env_string') ?? missing('repair_env_string', 'init/main.c')
  return [
    defineIf('ONE_MASK', oneMask),
    defineIf('HAS_MANAGED_IRQ', header.includes('MANAGED_IRQ')),
    `#define RCU_NOCBS ${/__setup\(("rcu_nocbs=?"),/.exec(rcu)?.[1] ?? missing('rcu_nocbs', 'kernel/rcu')}`,
    `#define REPAIR_ENV_STRING(param, val) repair_env_string(param, val${/\bvoid \*arg\b/.test(repair) ? ', NULL, NULL' : /\bunused\b/.test(repair) ? ', NULL' : ''})`,
    text('include/linux/ctype.h').replaceAll(/^#include.*$/gm, ''),
    /const unsigned char _ctype\[\] = \{[\s\S]*?\};/.exec(text('lib/ctype.c'))?.[0] ??
      missing('_ctype', 'lib/ctype.c'),
    'static char *skip_spaces(const char *s) { while (isspace(*s)) s++; return (char *)s; }',
    ...functions('lib/cmdline.c', 'get_option', 'next_arg'),
    ...functions('kernel/params.c', 'dash2underscore', 'parameqn', 'parameq', 'parse_one', 'parse_args'),
    repair,
    ...functions('init/main.c', 'obsolete_checksetup', 'do_early_param'),
    ...functions('kernel/smp.c', 'nosmp', 'nrcpus', 'maxcpus'),
    ...(regions
      ? [
          /struct region \{[\s\S]*?\};/.exec(text(list))?.[0] ?? '',
          ...functions(
            list,
            'bitmap_set_region',
            'bitmap_check_region',
            'bitmap_getnum',
            'end_of_str',
            '__end_of_region',
            'end_of_region',
            'bitmap_find_region',
            'bitmap_parse_region',
          ),
        ]
      : functions(list, '__bitmap_parselist')),
    ...functions(list, 'bitmap_parselist'),
    ...functions('kernel/time/tick-sched.c', 'tick_nohz_full_setup'),
    enumOf(header) ?? '',
    enumOf(isolation) ?? '',
    ...(oneMask
      ? ['static cpumask_var_t housekeeping_mask;', 'static unsigned int housekeeping_flags;']
      : [
          /^struct housekeeping \{[\s\S]*?\n\};/m.exec(isolation)?.[0] ??
            missing('struct housekeeping', 'isolation.c'),
          'static struct housekeeping housekeeping;',
          '#define housekeeping_cpumask(type) (housekeeping.cpumasks[type])',
          ...functions('kernel/sched/isolation.c', 'housekeeping_setup_type'),
        ]),
    ...functions(
      'kernel/sched/isolation.c',
      'housekeeping_setup',
      'housekeeping_nohz_full_setup',
      'housekeeping_isolcpus_setup',
    ),
    functionOf(rcu, 'rcu_nocb_setup') ?? missing('rcu_nocb_setup', 'kernel/rcu'),
    ...functions('kernel/irq/irqdesc.c', 'irq_affinity_setup'),
  ].join('\n')
}

const defineIf = (name: string, defined: boolean) => (defined ? `#define ${name}` : '')
const enumOf = (text: string) => /^enum hk_(?:flags|type) \{[\s\S]*?\n\};/m.exec(text)?.[0]

function missing(what: string, where: string): never {
  throw new Error(`there is no ${what} in ${where}`)
}

/** A function definition in the kernel's style: from the line of its name to the first "}" at a line's start. */
function functionOf(text: string, name: string): string | undefined {
  const head = new RegExp(`^(?!\\s|#|return)[^\\n;{}()]*\\b${name}\\([^;{}]*?\\)\\s*\\{`, 'gm')
  const start = head.exec(text)
  if (start === null) return undefined
  const end = text.indexOf('\n}', start.index)
  return text.slice(start.index, end + 2)
}
