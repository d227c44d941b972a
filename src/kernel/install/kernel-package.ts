// SPDX-License-Identifier: MIT
import type {Host} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'

/** A Debian package with a kernel image. */
export interface KernelPackage {
  readonly file: string
  readonly name: string
  readonly version: string
  /** What `uname -r` prints when it runs. */
  readonly release: string
  /** The bytes below /boot, and elsewhere. */
  readonly bytes: {readonly boot: number; readonly modules: number}
}

/**
 * Inspect a package. It is read to its last byte, so that a truncated file is found before dpkg
 * unpacks it. Throws UserError (exit 69) if it is not a complete kernel package of this
 * architecture.
 */
export async function inspectPackage(host: Host, file: string): Promise<KernelPackage> {
  const bad = (why: string, cause?: unknown) =>
    new UserError(`${file} ${why}`, {
      exit: Exit.unsuitable,
      code: 'bad-package',
      help: 'give the linux-image package that isolctl kernel build made',
      cause,
    })
  const ask = async (...args: [string, ...string[]]) => {
    try {
      return (await host.run(['dpkg-deb', ...args])).stdout
    } catch (cause) {
      throw bad(`is not a complete Debian package: ${(cause as Error).message.split(': ').at(-1)}`, cause)
    }
  }
  const fields = await ask('--field', file, 'Package', 'Version', 'Architecture')
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(fields)?.[1] ?? ''
  const machine = (await host.run(['dpkg', '--print-architecture'])).stdout.trim()
  if (![machine, 'all'].includes(field('Architecture')))
    throw bad(`is for ${field('Architecture') || 'no architecture'}, and this machine is ${machine}`)
  const {release, bytes} = parseContents(await ask('--contents', file))
  if (release === undefined || field('Package') !== `linux-image-${release}`)
    throw bad(`contains no kernel image (its package is ${field('Package') || 'nameless'})`)
  return {file, name: field('Package'), version: field('Version'), release, bytes}
}

/**
 * The listing of `dpkg-deb --contents`: which kernel is in it, and how much of it goes where. Pure.
 */
export function parseContents(listing: string): {
  readonly release: string | undefined
  readonly bytes: {readonly boot: number; readonly modules: number}
} {
  let release: string | undefined
  const bytes = {boot: 0, modules: 0}
  for (const line of listing.split('\n')) {
    const [, size = '0', path = ''] = /^-\S+ +\S+ +(\d+) +\S+ +\S+ \.(\/.*)$/.exec(line) ?? []
    bytes[path.startsWith('/boot/') ? 'boot' : 'modules'] += Number(size)
    release ??= /^\/boot\/vmlinuz-([A-Za-z0-9][A-Za-z0-9._+~-]*)$/.exec(path)?.[1]
  }
  return {release, bytes}
}

/** The size of an initramfs with all drivers, if the machine has none to compare with. */
const INITRD_BYTES = 64e6

/**
 * Throws UserError (exit 69) if /boot or /lib/modules lacks the space. dpkg and update-initramfs
 * write a new file beside the old one, so that they need more while they run. `initrdOf`: the
 * release whose initramfs the new one will resemble.
 */
export async function requireRoom(host: Host, {bytes}: KernelPackage, initrdOf: string): Promise<void> {
  const initrd = await sizeOf(host, `/boot/initrd.img-${initrdOf}`)
  const needs = {'/boot': bytes.boot + 2 * (initrd ?? INITRD_BYTES), '/lib/modules': bytes.modules * 1.1}
  const same = (await deviceOf(host, '/boot')) === (await deviceOf(host, '/lib/modules'))
  for (const [folder, alone] of Object.entries(needs)) {
    const needed = same ? needs['/boot'] + needs['/lib/modules'] : alone
    const free = Number((await host.run(['stat', '-f', '-c', '%a', folder])).stdout)
    const block = Number((await host.run(['stat', '-f', '-c', '%S', folder])).stdout)
    if (free * block < needed)
      throw new UserError(
        `${folder} has ${megabytes(free * block)} left, and this kernel takes ${megabytes(needed)}`,
        {
          exit: Exit.unsuitable,
          code: 'no-space',
          help: 'remove a kernel that is no longer needed: isolctl kernel list; isolctl kernel remove RELEASE',
        },
      )
  }
}

const deviceOf = async (host: Host, path: string) =>
  (await host.run(['stat', '-c', '%d', path])).stdout.trim()

async function sizeOf(host: Host, path: string): Promise<number | undefined> {
  const text = await host.run(['stat', '-c', '%s', path]).catch(() => undefined)
  return text === undefined ? undefined : Number(text.stdout)
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`
