// SPDX-License-Identifier: MIT
import {firmwareVariable, loaderVariable} from '../../src/boot/firmware.ts'

type Files = Readonly<Record<string, string>>

/** A file as a host reads it: bytes as UTF-8, without the NUL bytes at the end. */
const asRead = (bytes: Uint8Array) => Buffer.from(bytes).toString('utf8').replace(/\0+$/, '')

const utf16 = (text: string) => Buffer.from(`${text}\0`, 'utf16le')
const VOLATILE = Buffer.from([6, 0, 0, 0])

/** A variable of the boot loader interface, "LoaderInfo" for instance, with its text. */
export const loaderVariables = (texts: Files): Files =>
  Object.fromEntries(
    Object.entries(texts).map(([name, text]) => [
      loaderVariable(name),
      asRead(Buffer.concat([VOLATILE, utf16(text)])),
    ]),
  )

/**
 * The boot entry that firmware started: BootCurrent, and the entry with its label, the partition
 * and the path of the program ("\\EFI\\debian\\shimx64.efi"), as efibootmgr writes it.
 */
export function bootEntry(number: number, label: string, program: string, data = ''): Files {
  const node = (type: number, subtype: number, body: Uint8Array) => {
    const head = Buffer.from([type, subtype, 0, 0])
    head.writeUInt16LE(body.length + 4, 2)
    return Buffer.concat([head, body])
  }
  // A partition whose bytes are no UTF-8, and contain a backslash.
  const disk = Buffer.alloc(38, 0xc3)
  disk[7] = 0x5c
  const path = Buffer.concat([
    node(4, 1, disk),
    ...(program === '' ? [] : [node(4, 4, utf16(program))]),
    node(0x7f, 0xff, Buffer.alloc(0)),
  ])
  const head = Buffer.from([7, 0, 0, 0, 1, 0, 0, 0, 0, 0])
  head.writeUInt16LE(path.length, 8)
  const name = `Boot${number.toString(16).toUpperCase().padStart(4, '0')}`
  const current = Buffer.alloc(2)
  current.writeUInt16LE(number)
  return {
    [firmwareVariable('BootCurrent')]: asRead(Buffer.concat([VOLATILE, current])),
    [firmwareVariable(name)]: asRead(Buffer.concat([head, utf16(label), path, Buffer.from(data, 'utf16le')])),
  }
}
