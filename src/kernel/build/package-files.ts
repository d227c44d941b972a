// SPDX-License-Identifier: MIT
import {readdir, readFile, rm} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import type {BuildFacts} from '../../schema/kernel-build.ts'

export type PackageFormat = 'deb' | 'rpm'
export type PackageRole = Exclude<BuildFacts['files'][number]['role'], 'config'>

/**
 * The role of a package that the kernel's packaging made. Undefined for a package that must not be
 * installed: linux-libc-dev and kernel-headers would replace the distribution's headers of the C
 * library. Pure.
 */
export function roleOf(name: string, release: string, format: PackageFormat): PackageRole | undefined {
  if (format === 'rpm')
    return /^kernel-devel-/.test(name) ? 'headers' : /^kernel-\d/.test(name) ? 'image' : undefined
  if (name.startsWith(`linux-image-${release}-dbg_`)) return 'debug'
  if (name.startsWith(`linux-image-${release}_`)) return 'image'
  return name.startsWith(`linux-headers-${release}_`) ? 'headers' : undefined
}

/** The packages that make left. The other files of the packaging are removed. */
export async function collectPackages(
  objects: string,
  release: string,
  format: PackageFormat,
): Promise<readonly {readonly role: PackageRole; readonly path: string}[]> {
  const paths = format === 'deb' ? await debs(objects) : await rpms(join(objects, 'rpmbuild/RPMS'))
  const found: {role: PackageRole; path: string}[] = []
  for (const path of paths) {
    const role = roleOf(path.slice(dirname(path).length + 1), release, format)
    if (role === undefined) await rm(path, {force: true})
    else found.push({role, path})
  }
  return found
}

/**
 * dpkg-buildpackage puts them beside the directory in which it runs, and lists them
 * (deb-buildinfo(5)).
 */
async function debs(objects: string): Promise<readonly string[]> {
  const listed = (await readFile(join(objects, 'debian/files'), 'utf8')).split('\n').flatMap((line) => {
    const name = line.split(' ')[0] ?? ''
    return /^[a-z][\w.+~-]*$/.test(name) ? [join(dirname(objects), name)] : []
  })
  const changes = (await readdir(dirname(objects)))
    .filter((name) => /^linux-upstream_.*\.(?:changes|buildinfo)$/.test(name))
    .map((name) => join(dirname(objects), name))
  return [...new Set([...listed, ...changes])]
}

async function rpms(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, {recursive: true}).catch(() => [])
  return names.filter((name) => name.endsWith('.rpm')).map((name) => join(folder, name))
}
