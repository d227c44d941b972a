// SPDX-License-Identifier: MIT
import {defineFact} from './fact.ts'

/**
 * The GNU build id of the running kernel in hex. The linker computes it from the contents of
 * vmlinux, so it differs between two builds of one release. Source: kernel/ksysfs.c, "notes";
 * readable by every user.
 */
export const buildId = defineFact<string>('build-id', async (host) => {
  if (host.bytes === undefined) throw new Error('the build id can be read on a running machine only')
  const notes = await host.bytes('/sys/kernel/notes')
  if (notes === undefined) throw new Error('/sys/kernel/notes is missing')
  const id = parseNotes(notes)
  if (id === undefined) throw new Error('/sys/kernel/notes has no build id')
  return id
})

/**
 * The NT_GNU_BUILD_ID (3) of "GNU" in ELF notes; undefined when there is none. A note has three
 * words of 32 bits, then name and content, each padded to four bytes. Pure.
 */
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
