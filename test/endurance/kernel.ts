// SPDX-License-Identifier: MIT
import {mkdir, readFile} from 'node:fs/promises'
import {join} from 'node:path'
import {withWorkshop} from '../../kernel-tests/workshop.ts'
import {mergeConfigs, parseConfig} from '../../src/kernel/build/config-file.ts'
import {requireSymbols} from '../../src/kernel/build/lost-symbols.ts'
import {readFragment} from '../../src/kernel/source/series.ts'

const FRAGMENTS = ['lab', 'isolation', 'server']

/** Kconfig drops what depends on something that is off. Throws UserError that names what was lost. */
async function requireFragments(series: string, config: string, tree: string): Promise<void> {
  const wanted = await Promise.all(
    FRAGMENTS.map(async (fragment) => parseConfig(await readFragment(series, fragment))),
  )
  await requireSymbols(mergeConfigs(wanted), parseConfig(await readFile(config, 'utf8')), tree)
}

/**
 * Runs `body` with the server flavour of the kernel and its modules, built from the whole series.
 * Both are removed afterwards.
 */
export async function withServerKernel<T>(
  body: (built: {readonly kernel: string; readonly modules: string}) => Promise<T>,
): Promise<T> {
  return await withWorkshop(async ({tree, series, apply, configure, make}) => {
    for (const patch of series.patches) await apply(patch)
    const objects = await configure('server', FRAGMENTS)
    await requireFragments(series.folder, join(objects, '.config'), tree)
    await make(objects, ['bzImage', 'modules'])
    const modules = join(tree, 'installed')
    await mkdir(modules)
    await make(objects, ['modules_install', `INSTALL_MOD_PATH=${modules}`, 'INSTALL_MOD_STRIP=1'])
    return await body({kernel: join(objects, 'arch/x86/boot/bzImage'), modules})
  })
}
