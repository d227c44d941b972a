// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'

/**
 * The GNU build id of the running kernel, as hex: the linker makes it of everything in vmlinux, so that it tells two
 * builds of one release apart. kernel/ksysfs.c, "notes"; readable by root and everybody else.
 */
export const buildId = defineFact<string>('build-id', async (host) => {
  if (host.bytes === undefined) throw new Error('only a running kernel has its build id')
  const notes = await host.bytes('/sys/kernel/notes')
  if (notes === undefined) throw new Error('/sys/kernel/notes is missing')
  const id = parseNotes(notes)
  if (id === undefined) throw new Error('/sys/kernel/notes holds no build id')
  return id
})

/** NT_GNU_BUILD_ID (3) of "GNU" in ELF notes: three words of 32 bits, name and content padded to four bytes. Pure. */
export function parseNotes(notes: Uint8Array): string | undefined {
  const view = new DataView(notes.buffer, notes.byteOffset, notes.byteLength)
  const padded = (length: number) => (length + 3) & ~3
  for (let at = 0; at + 12 <= notes.length; ) {
    const [nameSize, size, type] = [0, 4, 8].map((offset) => view.getUint32(at + offset, true)) as [
      number,
      number,
      number,
    ]
    const name = at + 12
    const content = name + padded(nameSize)
    if (content + size > notes.length) return undefined
    const owner = Buffer.from(notes.subarray(name, name + nameSize)).toString('latin1')
    if (type === 3 && owner === 'GNU\0')
      return Buffer.from(notes.subarray(content, content + size)).toString('hex')
    at = content + padded(size)
  }
  return undefined
}
