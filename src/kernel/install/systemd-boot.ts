// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {efiText, loaderVariable} from '../../boot/firmware.ts'
import {cloneLoaderEntry, parseLoaderEntry} from '../../boot/loader-entry.ts'
import {OWN_ENTRY} from '../../boot/own-entry.ts'
import type {Host} from '../../host/host.ts'
import {type BootControl, noEntry, notInForce, TRIAL} from './boot-control.ts'

const ENTRY = `${TRIAL}.conf`

/**
 * systemd-boot, with the entries of kernel-install below `folder`, which is the mounted ESP or
 * $BOOT.
 */
export function systemdBootControl(host: Host, folder: string): BootControl {
  const variable = async (name: string) => {
    const contents = await host.read(loaderVariable(name))
    return contents === undefined ? undefined : efiText(contents)
  }
  /**
   * The entries by file name, newest first as the loader sorts them, without the one of a trial.
   */
  const entries = async () => {
    const names = (await host.list(join(folder, 'loader/entries'))).filter(
      (name) => name.endsWith('.conf') && name !== ENTRY,
    )
    return await Promise.all(
      names.map(async (name) => {
        const text = (await host.read(join(folder, 'loader/entries', name))) ?? ''
        return {name, text, entry: parseLoaderEntry(text)}
      }),
    )
  }
  /**
   * The entry that `apply` wrote for a kernel, if there is one: that of the distribution isolates
   * no CPU.
   */
  const find = async (release: string) => {
    const named = (await entries()).filter(({entry}) => entry.version === release)
    const found = named.find(({name}) => OWN_ENTRY.test(name)) ?? named[0]
    if (found === undefined) throw noEntry('systemd-boot', release)
    return found
  }
  return {
    name: 'systemd-boot',
    folders: [join(folder, 'loader/entries')],
    // The loader clears the variable before it starts the kernel.
    requireOneShot: async () => {},
    requireEntry: async (release) => void (await find(release)),
    async defaultRelease() {
      const name = await variable('LoaderEntryDefault')
      return (await entries()).find((each) => each.name === name)?.entry.version
    },
    async pin(release) {
      const {name} = await find(release)
      if ((await variable('LoaderEntryDefault')) !== name) await host.run(['bootctl', 'set-default', name])
      const found = await variable('LoaderEntryDefault')
      if (found !== name) throw notInForce(`${release} was made the default of systemd-boot`, found)
    },
    async unpin() {
      if (await variable('LoaderEntryDefault')) await host.run(['bootctl', 'set-default', ''])
    },
    async writeTrial(release, like, more) {
      const model = await find(like)
      const {linux = '', initrd} = (await find(release)).entry
      const text = cloneLoaderEntry(model.text, {
        title: `isolctl: trial of ${release}`,
        version: release,
        linux,
        initrd,
        options: [model.entry.options, ...more].join(' '),
      })
      await host.writeFile(join(folder, 'loader/entries', ENTRY), text)
    },
    dropTrial: () => host.writeFile(join(folder, 'loader/entries', ENTRY), null),
    async arm() {
      await host.run(['bootctl', 'set-oneshot', ENTRY])
      const found = await variable('LoaderEntryOneShot')
      if (found !== ENTRY) throw notInForce('the trial was set to boot next', found)
    },
    async disarm() {
      if ((await variable('LoaderEntryOneShot')) === ENTRY) await host.run(['bootctl', 'set-oneshot', ''])
    },
    armed: async () => (await variable('LoaderEntryOneShot')) === ENTRY,
  }
}
