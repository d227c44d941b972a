// SPDX-License-Identifier: MIT
import {
  bootEntryName,
  efiText,
  type Firmware,
  firmwareVariable,
  loaderVariable,
  programOf,
  type Starter,
  starterOf,
} from '../boot/firmware.ts'
import {cmdline} from './cmdline.ts'
import {defineFact} from './fact.ts'

/** The EFI variables about this boot; empty on a machine without EFI variables. */
export const firmware = defineFact<Firmware>('firmware', async (host) => {
  const text = async (name: string) => {
    const contents = await host.read(loaderVariable(name))
    return (contents && efiText(contents)) || undefined
  }
  const current = await host.read(firmwareVariable('BootCurrent'))
  const name = current === undefined ? undefined : bootEntryName(current)
  const entry = name === undefined ? undefined : await host.read(firmwareVariable(name))
  const program = entry === undefined ? undefined : programOf(entry)
  const found = {
    loader: await text('LoaderInfo'),
    stub: await text('StubInfo'),
    selected: await text('LoaderEntrySelected'),
    defaultEntry: await text('LoaderEntryDefault'),
    partition: (await text('LoaderDevicePartUUID'))?.toLowerCase(),
    entry: name === undefined || program === undefined ? undefined : {name, program},
  }
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as Firmware
})

/** The program that passed the boot arguments; undefined if neither firmware nor they show it. */
export const starter = defineFact<Starter | undefined>('starter', async (_host, get) =>
  starterOf(await get(firmware), await get(cmdline).catch(() => undefined)),
)
