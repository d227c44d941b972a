// SPDX-License-Identifier: MIT

/** What an ELF file says of how it is run. */
export interface Elf {
  /** The dynamic loader, "/lib64/ld-linux-x86-64.so.2"; undefined: a static program. */
  readonly interpreter: string | undefined
  /** The libraries that it names itself, "libc.so.6", without those that these need. */
  readonly needed: readonly string[]
  /** The owners of its notes: "GNU", "Go". */
  readonly notes: readonly string[]
}

/** Reads `length` bytes at `offset`; fewer at the end of the file. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>

const PT_LOAD = 1
const PT_DYNAMIC = 2
const PT_INTERP = 3
const PT_NOTE = 4
const DT_NEEDED = 1
const DT_STRTAB = 5
const HEADER = 64
const PROGRAM_HEADER = 56
/** Larger tables than any linker writes, and more segments of a kind, are not read. */
const LONGEST = 1 << 20
const SEGMENTS_MAX = 32

/**
 * The facts of a 64-bit little-endian ELF file (elf(5)); undefined for every other file, and for one
 * that is cut off or contradicts itself.
 */
export async function readElf(read: ReadAt): Promise<Elf | undefined> {
  const header = await read(0, HEADER)
  if (header.length < HEADER || header.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') return undefined
  try {
    const segments = await readSegments(read, header)
    const ofType = (type: number) => segments.filter((segment) => segment.type === type)
    const contents = async (segment: Segment | undefined) =>
      segment && (await read(segment.offset, Math.min(segment.size, LONGEST)))
    const interpreter = await contents(ofType(PT_INTERP)[0])
    const dynamic = await contents(ofType(PT_DYNAMIC)[0])
    const notes = new Set<string>()
    // One after the other: a file may say that it has gigabytes of them.
    for (const segment of ofType(PT_NOTE).slice(0, SEGMENTS_MAX))
      for (const owner of noteOwners(await read(segment.offset, Math.min(segment.size, LONGEST))))
        notes.add(owner)
    return {
      interpreter: interpreter && textAt(interpreter, 0),
      needed: dynamic === undefined ? [] : await neededOf(read, segments, dynamic),
      notes: [...notes],
    }
  } catch (error) {
    if (error instanceof RangeError) return undefined // an offset outside of the file
    throw error
  }
}

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly size: number
}

async function readSegments(read: ReadAt, header: Buffer): Promise<readonly Segment[]> {
  const table = await read(word(header, 32), header.readUInt16LE(56) * PROGRAM_HEADER)
  return Array.from({length: Math.floor(table.length / PROGRAM_HEADER)}, (_, index) => {
    const at = index * PROGRAM_HEADER
    return {
      type: table.readUInt32LE(at),
      offset: word(table, at + 8),
      address: word(table, at + 16),
      size: word(table, at + 32),
    }
  })
}

async function neededOf(
  read: ReadAt,
  segments: readonly Segment[],
  dynamic: Buffer,
): Promise<readonly string[]> {
  const entries = Array.from({length: Math.floor(dynamic.length / 16)}, (_, index) => ({
    tag: word(dynamic, index * 16),
    value: word(dynamic, index * 16 + 8),
  }))
  const strings = entries.find(({tag}) => tag === DT_STRTAB)?.value
  const segment = segments.find(
    ({type, address, size}) =>
      type === PT_LOAD && strings !== undefined && strings >= address && strings < address + size,
  )
  if (strings === undefined || segment === undefined) return []
  const start = segment.offset + strings - segment.address
  const table = await read(start, Math.min(segment.address + segment.size - strings, LONGEST))
  return entries.filter(({tag}) => tag === DT_NEEDED).map(({value}) => textAt(table, value))
}

/** The names of the owners in a segment of notes; see parseNotes() of facts/build-id.ts. */
function noteOwners(notes: Buffer): readonly string[] {
  const owners: string[] = []
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = notes.readUInt32LE(at)
    const size = notes.readUInt32LE(at + 4)
    if (nameSize === 0 || at + 12 + nameSize > notes.length) break
    owners.push(textAt(notes, at + 12))
    at += 12 + padded(nameSize) + padded(size) // sizes of 32 bits: "&" would make them negative
  }
  return owners
}

const padded = (size: number) => Math.ceil(size / 4) * 4

/** A number of 64 bits. Throws RangeError if it is larger than any file. */
function word(bytes: Buffer, at: number): number {
  const value = Number(bytes.readBigUInt64LE(at))
  if (!Number.isSafeInteger(value)) throw new RangeError(`${value}`)
  return value
}

function textAt(bytes: Buffer, at: number): string {
  const end = bytes.indexOf(0, at)
  return bytes.toString('latin1', at, end < 0 ? bytes.length : end)
}
