// SPDX-License-Identifier: MIT
import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {parseConfig} from '../../../src/kernel/build/config-file.ts'
import {
  holds,
  type Kconfig,
  readKconfig,
  requireSymbols,
  whyLost,
} from '../../../src/kernel/build/kconfig-language.ts'

const FILES = {
  Kconfig: 'source "kernel/Kconfig"\nsource "arch/$(SRCARCH)/Kconfig"\nsource "not/there/Kconfig"\n',
  'arch/x86/Kconfig': 'config X86\n\tdef_bool y\n\tselect FORCED if SMP\n\tselect FORCED_ELSEWHERE if !SMP\n',
  'kernel/Kconfig': `# config COMMENTED
config WANTED
	bool "Wanted"
	depends on NO_HZ_FULL && (SMP || UP)
	help
	  Text about it, with a line that reads like one of ours:

	  config IN_HELP
	    depends on nothing

config HIDDEN
	bool
config PICKY
	bool "Picky" if EXPERT
config COMPILED
	bool "Compiled"
	depends on SMP && $(cc-option,-fthis(-or-that))
if SMP
menu "a menu"
	depends on NET
config INNER
	bool \\
	  "Inner"
	depends on X86
endmenu
endif
config FORCED
	bool "Forced"
config FORCED_ELSEWHERE
	bool "Not by this"
choice
	prompt "one of"
	depends on SMP
config ONE
	bool "One"
config TWO
	bool "Two"
endchoice
config AFTER
	bool "After the choice"
`,
}

let box: string
let kconfig: Kconfig
beforeAll(async () => {
  box = await mkdtemp(join(tmpdir(), 'kconfig-'))
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(join(box, path, '..'), {recursive: true})
    await writeFile(join(box, path), text)
  }
  kconfig = await readKconfig(box)
})
afterAll(() => rm(box, {recursive: true}))

const why = (symbol: string, config: string, wanted = 'y', got = 'n') =>
  whyLost({symbol, wanted, got}, kconfig, parseConfig(config))

test('finds what the files define, and not what their help mentions', () => {
  expect([...kconfig.symbols.keys()].sort()).toEqual(
    [
      'AFTER',
      'COMPILED',
      'FORCED',
      'FORCED_ELSEWHERE',
      'HIDDEN',
      'INNER',
      'ONE',
      'PICKY',
      'TWO',
      'WANTED',
      'X86',
    ].sort(),
  )
})

describe('why a symbol was lost', () => {
  test.for([
    ['UNHEARD_OF', '', 'this source does not know it'],
    ['WANTED', 'CONFIG_SMP=y', 'it depends on NO_HZ_FULL, which does not hold'],
    ['WANTED', 'CONFIG_NO_HZ_FULL=y', 'it depends on (SMP || UP), which does not hold'],
    ['WANTED', '', 'it depends on NO_HZ_FULL, and on (SMP || UP), which do not hold'],
    ['INNER', 'CONFIG_SMP=y\nCONFIG_X86=y', 'it depends on NET, which does not hold'],
    ['INNER', 'CONFIG_NET=y\nCONFIG_X86=y', 'it depends on SMP, which does not hold'],
    ['COMPILED', 'CONFIG_SMP=y', 'it depends on $(cc-option,-fthis(-or-that)), which does not hold'],
    ['HIDDEN', '', 'nobody can choose it: only other options set it'],
    ['PICKY', '', 'it can be chosen only with EXPERT'],
    ['ONE', 'CONFIG_SMP=y\nCONFIG_TWO=y', 'one of several alternatives, and TWO was chosen'],
    ['AFTER', '', undefined],
  ] as const)('%s with %j', ([symbol, config, reason]) => {
    expect(why(symbol, config)).toBe(reason)
  })

  test('or why it is on although it was to be off', () => {
    expect(why('FORCED', 'CONFIG_X86=y\nCONFIG_SMP=y', 'n', 'y')).toBe('selected by X86')
    expect(why('FORCED_ELSEWHERE', 'CONFIG_X86=y\nCONFIG_SMP=y', 'n', 'y')).toBeUndefined()
    expect(why('PICKY', '', 'n', 'y')).toBe('it can be chosen only with EXPERT')
  })

  test('comes with the error', async () => {
    const wanted = parseConfig('CONFIG_WANTED=y\nCONFIG_SMP=y\n')
    await expect(requireSymbols(wanted, parseConfig('CONFIG_SMP=y\n'), box)).rejects.toMatchObject({
      message:
        'the kernel configuration lost CONFIG_WANTED (wanted y, got n): it depends on NO_HZ_FULL, which does not hold',
      exit: 69,
    })
    await expect(requireSymbols(wanted, wanted, box)).resolves.toBeUndefined()
  })
})

test.for([
  ['A', true],
  ['M', true],
  ['N', false],
  ['!A', false],
  ['!M', true],
  ['A && N || M', true],
  ['A && (N || M)', true],
  ['N = n', true],
  ['VERSION >= 120000 && VERSION < 130000', true],
  ['VERSION < 120000', false],
  ['NAME = "gcc"', true],
  ["NAME != 'gcc'", false],
  ['A = m', false],
  ['$(success,true)', undefined],
  ['N && $(success,true)', false],
  ['A || $(success,true)', true],
  ['A && $(success,true)', undefined],
  ['y', true],
] as const)('%s', ([expression, value]) => {
  const config = parseConfig('CONFIG_A=y\nCONFIG_M=m\nCONFIG_VERSION=120200\nCONFIG_NAME="gcc"\n')
  expect(holds(expression, config)).toBe(value)
})
