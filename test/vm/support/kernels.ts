// SPDX-License-Identifier: MIT
import {readdir, rm} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'

/**
 * The two newest packages of Debian's kernel for virtual machines: the images have the older one, so that the newer one,
 * installed, is what every boot loader would choose if nobody held it back.
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

/** Fetch a package, which must be one by exactly this name: apt takes others for patterns. Returns its path. */
export async function fetchPackage(name: string, folder: string): Promise<string> {
  await execa('apt-get', ['download', name], {cwd: folder})
  const file = (await readdir(folder)).find((each) => each.startsWith(`${name}_`))
  if (file === undefined) throw new Error(`apt-get download ${name} left no file`)
  return join(folder, file)
}

/**
 * The same package, not compressed: to unpack it again and again is most of what an emulated installation does. Returns
 * its path, beside the other.
 */
export async function unpacked(file: string): Promise<string> {
  const tree = `${file}.tree`
  await execa('dpkg-deb', ['--raw-extract', file, tree])
  await execa('dpkg-deb', ['--root-owner-group', '-Znone', '--build', tree, `${tree}.deb`])
  await rm(tree, {recursive: true})
  return `${tree}.deb`
}

export const releaseOf = (packageName: string): string => packageName.replace(/^linux-image-/, '')
