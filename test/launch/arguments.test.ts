// SPDX-License-Identifier: MIT
import {execFileSync} from 'node:child_process'
import fc from 'fast-check'
import {describe, expect, it, test} from 'vitest'
import {cutArguments, isUtf8, shellLine, splitNul} from '../../src/launch/arguments.ts'

describe('the arguments of launch', () => {
  it('end at the first "--"; what follows is the program’s, in order', () => {
    expect(cutArguments(['--cpus', '3', '--', './bench', '--cpus', '5', '--', '--json'])).toEqual({
      own: ['--cpus', '3'],
      program: ['./bench', '--cpus', '5', '--', '--json'],
    })
  })
  test.for([[[]], [['--cpus', '3']], [['--cpus', '3', '--']], [['poller']]])(
    'need a program: %j',
    ([argv]) => {
      expect(() => cutArguments(argv ?? [])).toThrow('no program to launch')
    },
  )
  it('are split at NUL, empty ones included', () => {
    expect(splitNul(Buffer.from('a\0\0b c\n\0'))).toEqual(['a', '', 'b c\n'].map((text) => Buffer.from(text)))
    expect(splitNul(Buffer.alloc(0))).toEqual([])
  })
  it('are checked for bytes that Node.js cannot pass', () => {
    expect(isUtf8(Buffer.from('grün €'))).toBe(true)
    expect(isUtf8(Buffer.from([0x66, 0xfc]))).toBe(false)
  })
  it('are printed so that a shell parses them as the same arguments', () => {
    const word = fc.string({unit: 'grapheme'}).filter((text) => !text.includes('\0'))
    fc.assert(
      fc.property(fc.array(word, {maxLength: 5}), (argv) => {
        const script = `for word in ${shellLine(argv)}; do printf '%s\\0' "$word"; done`
        const echoed = execFileSync('sh', ['-c', script])
        expect(splitNul(echoed).map(String)).toEqual(argv)
      }),
      {numRuns: 50},
    )
  })
})
