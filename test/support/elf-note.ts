// SPDX-License-Identifier: MIT

/** A note as the linker writes it: sizes and type in little endian, name and content padded. */
export function note(owner: string, type: number, content: string): Buffer {
  const head = Buffer.alloc(12)
  const name = Buffer.from(`${owner}\0`)
  const data = Buffer.from(content, 'hex')
  head.writeUInt32LE(name.length, 0)
  head.writeUInt32LE(data.length, 4)
  head.writeUInt32LE(type, 8)
  const pad = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
  return Buffer.concat([head, pad(name), pad(data)])
}
