// SPDX-License-Identifier: MIT
import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {withWorkshop} from '../../kernel-tests/workshop.ts'

/**
 * Runs `body` with the server flavour of the kernel and its modules, built from the whole series.
 * Both are removed afterwards.
 */
export async function withServerKernel<T>(
  body: (built: {readonly kernel: string; readonly modules: string}) => Promise<T>,
): Promise<T> {
  return await withWorkshop(async ({tree, series, apply, configure, make}) => {
    for (const patch of series.patches) await apply(patch)
    const objects = await configure('server', ['lab', 'isolation', 'server'])
    await make(objects, ['bzImage', 'modules'])
    const modules = join(tree, 'installed')
    await mkdir(modules)
    await make(objects, ['modules_install', `INSTALL_MOD_PATH=${modules}`, 'INSTALL_MOD_STRIP=1'])
    return await body({kernel: join(objects, 'arch/x86/boot/bzImage'), modules})
  })
}
