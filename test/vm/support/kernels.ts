// SPDX-License-Identifier: MIT
import {readdir, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'

/**
 * The two newest packages of Debian's kernel for virtual machines. The images have the older one,
 * so every boot loader would choose the newer one after its installation, unless it is held back.
 */
export async function debianKernels(): Promise<{readonly stock: string; readonly newer: string}> {
  const pattern = '^linux-image-[0-9][0-9a-z.+-]*-cloud-amd64$'
  const {stdout} = await execa('apt-cache', ['search', '--names-only', pattern])
  const [newer, stock] = stdout
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name !== '')
    .sort((a, b) => b.localeCompare(a, 'en', {numeric: true}))
  if (newer === undefined || stock === undefined)
    throw new Error('the Debian archive has no two kernels for virtual machines')
  return {stock, newer}
}

/**
 * Download a package with exactly this name: apt treats other names as patterns. Returns its path.
 */
export async function fetchPackage(name: string, folder: string): Promise<string> {
  await execa('apt-get', ['download', name], {cwd: folder})
  const file = (await readdir(folder)).find((each) => each.startsWith(`${name}_`))
  if (file === undefined) throw new Error(`apt-get download ${name} left no file`)
  return join(folder, file)
}

/**
 * The same package without compression: decompression is most of the time of an emulated
 * installation. Returns its path, beside the other.
 */
export async function unpacked(file: string): Promise<string> {
  const tree = `${file}.tree`
  await execa('dpkg-deb', ['--raw-extract', file, tree])
  await execa('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, `${tree}.deb`])
  await rm(tree, {recursive: true})
  return `${tree}.deb`
}

export const releaseOf = (packageName: string): string => packageName.replace(/^linux-image-/, '')
