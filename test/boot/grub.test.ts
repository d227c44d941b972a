// SPDX-License-Identifier: MIT
import {readFile} from 'node:fs/promises'
import fc from 'fast-check'
import {describe, expect, it, test} from 'vitest'
import {
  cloneGrubEntry,
  dropInWords,
  grubProblems,
  ordinaryEntries,
  parseGrubCfg,
  renderDropIn,
} from '../../src/boot/grub.ts'
import {parseScript, quote} from '../../src/boot/grub-script.ts'
import {parseGrubenv} from '../../src/boot/grubenv.ts'

const golden = async (side: 'in' | 'out') =>
  readFile(new URL(`../golden/grub/debian-12/${side}/boot/grub/grub.cfg`, import.meta.url), 'utf8')

const WORDS = [
  'isolcpus=nohz,domain,managed_irq,2-7',
  'nohz_full=2-7',
  'rcu_nocbs=2-7',
  'irqaffinity=0-1',
  'tsc=reliable',
]
const UUID = '7a4c1b5e-0f3d-4a55-9b8e-2f1f6f0f3c11'

describe('a generated grub.cfg', () => {
  it('is parsed into entries', async () => {
    const entries = parseGrubCfg(await golden('in'))
    expect(entries.map(({path, kernel, recovery}) => [path, kernel, recovery])).toEqual([
      [`gnulinux-simple-${UUID}`, '/boot/vmlinuz-6.1.0-41-amd64', false],
      ...['41', '40'].flatMap((abi) =>
        [false, true].map((recovery) => [
          `gnulinux-advanced-${UUID}>gnulinux-6.1.0-${abi}-amd64-${recovery ? 'recovery' : 'advanced'}-${UUID}`,
          `/boot/vmlinuz-6.1.0-${abi}-amd64`,
          recovery,
        ]),
      ),
    ])
    expect(entries[0]).toMatchObject({
      title: 'Debian GNU/Linux',
      section: '10_linux',
      args: [`root=UUID=${UUID}`, 'ro', 'quiet'],
      initrd: ['/boot/initrd.img-6.1.0-41-amd64'],
    })
  })

  it('passes the words in every ordinary entry, and in no recovery entry', async () => {
    const text = await golden('out')
    expect(grubProblems(text, WORDS)).toEqual([])
    for (const {recovery, args} of parseGrubCfg(text))
      expect(args.filter((arg) => WORDS.includes(arg))).toEqual(recovery ? [] : WORDS)
  })

  it('is refused when an entry lacks a word, has it twice, or has another of its name', async () => {
    const [before, after] = [await golden('in'), await golden('out')]
    expect(grubProblems(before, ['nohz_full=2-7'])).toHaveLength(3)
    const last = after.lastIndexOf(' nohz_full=2-7')
    const without = after.slice(0, last) + after.slice(last + ' nohz_full=2-7'.length)
    expect(grubProblems(without, WORDS)).toEqual([
      '"Debian GNU/Linux, with Linux 6.1.0-40-amd64": nohz_full=2-7 is missing',
    ])
    const twice = after.replaceAll(' nohz_full=2-7', ' nohz_full=2-7 nohz_full=2-7')
    expect(grubProblems(twice, WORDS)).toHaveLength(3)
    const clocks = after.replaceAll('tsc=reliable', 'tsc=reliable tsc=reliable')
    expect(grubProblems(clocks, WORDS)).toHaveLength(3)
    const other = after.replaceAll('quiet', 'quiet nohz-full=3')
    expect(grubProblems(other, WORDS)[0]).toContain('nohz_full=2-7 is passed as nohz-full=3')
    const glued = after.replaceAll('quiet isolcpus', 'quietisolcpus')
    expect(grubProblems(glued, WORDS)[0]).toContain('is missing')
    expect(grubProblems('', [])).toEqual(['no entry for a kernel of this system'])
  })

  it('has no ordinary entry for memtest, other systems and hand-written entries', () => {
    const text = [
      '### BEGIN /etc/grub.d/20_memtest86+ ###',
      'menuentry "Memory test" { linux16 /boot/memtest86+.bin }',
      '### END /etc/grub.d/20_memtest86+ ###',
      "menuentry 'mine' { linux /boot/vmlinuz mine }",
    ].join('\n')
    expect(parseGrubCfg(text)).toHaveLength(2)
    expect(ordinaryEntries(parseGrubCfg(text))).toEqual([])
  })
})

const braced = ['$', '{b}'].join('')

describe("GRUB's language", () => {
  test.for([
    ['linux /k \'a b\' "c $d" e\\ f', ['linux', '/k', 'a b', 'c $d', 'e f']],
    ['a="x"y\'z\'', ['a=xyz']],
    [`a${braced}c`, [`a${braced}c`]],
    ['"\\"\\\\\\$\\x"', ['"\\$\\x']],
    ['one \\\n two', ['one', 'two']],
    ['a#b # c', ['a#b']],
  ] as const)('%j', ([text, words]) => {
    expect(parseScript(text)[0]?.words).toEqual(words)
  })

  it('has ";" and newline between commands, and braces around blocks', () => {
    const kinds = parseScript('a b; c\nif x; then\n{\n d\n}\n').map(({kind, words}) => [kind, ...words])
    expect(kinds).toEqual([
      ['command', 'a', 'b'],
      ['command', 'c'],
      ['command', 'if', 'x'],
      ['command', 'then'],
      ['open'],
      ['command', 'd'],
      ['close'],
    ])
  })

  it('parses a quoted word as the same text', () => {
    fc.assert(
      fc.property(fc.string({minLength: 1}), (text) => {
        expect(parseScript(`x ${quote(text)}`)[0]?.words).toEqual(['x', text])
      }),
    )
  })
})

describe('the drop-in', () => {
  it('is the file that Debian accepted', async () => {
    const url = new URL('../golden/grub/debian-12/out/etc/default/grub.d/zz-isolctl.cfg', import.meta.url)
    expect(renderDropIn(WORDS)).toBe(await readFile(url, 'utf8'))
    expect(dropInWords(renderDropIn(WORDS))).toEqual(WORDS)
  })
  it('written by others has no words of isolctl', () => {
    expect(dropInWords('GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')).toEqual([])
  })
  it('refuses words that a shell would run', () => {
    expect(() => renderDropIn(['a=$(reboot)'])).toThrow('not a boot argument')
  })
})

it('clones an entry with another kernel and arguments, and keeps the commands that find the disk', async () => {
  const [entry] = parseGrubCfg(await golden('in'))
  if (!entry) throw new Error('the golden file has no entry')
  const clone = cloneGrubEntry(entry, {
    id: 'isolctl-trial',
    title: "isolctl's trial",
    kernel: '/boot/vmlinuz-6.12.1-isolctl',
    args: [...entry.args, 'panic=30', '$vt_handoff', 'a="b c"'],
    initrd: ['/boot/initrd.img-6.12.1-isolctl'],
  })
  expect(clone).toContain(`search --no-floppy --fs-uuid --set=root ${UUID}`)
  const [read] = parseGrubCfg(clone)
  expect(read).toMatchObject({
    id: 'isolctl-trial',
    title: "isolctl's trial",
    kernel: '/boot/vmlinuz-6.12.1-isolctl',
    args: [...entry.args, 'panic=30', '$vt_handoff', 'a="b c"'],
    initrd: ['/boot/initrd.img-6.12.1-isolctl'],
  })
})

describe('grubenv', () => {
  const block = (text: string) => `# GRUB Environment Block\n${text}`.padEnd(1024, '#')
  it('is parsed as grub-editenv does', () => {
    const text = block(
      '# WARNING: Do not edit\nsaved_entry=abc-6.1\nnext_entry=\nkernelopts=root=/dev/x ro\\\\a\n',
    )
    expect(parseGrubenv(text)).toEqual(
      new Map([
        ['saved_entry', 'abc-6.1'],
        ['next_entry', ''],
        ['kernelopts', 'root=/dev/x ro\\a'],
      ]),
    )
  })
  it('with another header is undefined', () => {
    expect(parseGrubenv('saved_entry=1\n')).toBeUndefined()
  })
})
