// SPDX-License-Identifier: MIT
import {type BootEvidence, OWNER_FILES, type Owner, ownerOf} from '../boot/owners.ts'
import {type HostView, tellsAbsence} from '../host/host.ts'
import {cmdline} from './cmdline.ts'
import {defineFact} from './fact.ts'
import {firmware, starter} from './firmware.ts'

const EFI = '/sys/firmware/efi'

/** Whether the machine has EFI firmware; undefined where a capture does not show it. */
export const efi = defineFact<boolean | undefined>('efi', async (host) => {
  if (await host.isFolder(EFI)) return true
  return tellsAbsence(host) ? false : undefined
})

/** What shows who owns the boot entries. Rejects if one of the files cannot be read. */
export const bootEvidence = defineFact<BootEvidence>('boot-evidence', async (host, get) => {
  const files = new Map<string, string>()
  for (const path of OWNER_FILES) {
    const text = await host.read(path)
    if (text !== undefined) files.set(path, text)
  }
  return {
    firmware: await get(firmware),
    starter: await get(starter),
    cmdline: await get(cmdline).catch(() => undefined),
    system: await systemId(host),
    files,
    efi: (await get(efi)) === true,
  }
})

/** What generates the boot entries of this machine; undefined if isolctl may write them. */
export const bootOwner = defineFact<Owner | undefined>('boot-owner', async (_host, get) =>
  ownerOf(await get(bootEvidence)),
)

/** ID of os-release(5): "debian". */
async function systemId(host: HostView): Promise<string | undefined> {
  const text = (await host.read('/etc/os-release')) ?? (await host.read('/usr/lib/os-release')) ?? ''
  return /^ID=["']?([^"'\s]*)/m.exec(text)?.[1]
}
