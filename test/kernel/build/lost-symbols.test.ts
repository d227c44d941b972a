// SPDX-License-Identifier: MIT
import {rm} from 'node:fs/promises'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {parseConfig} from '../../../src/kernel/build/config-file.ts'
import {type Kconfig, readKconfig} from '../../../src/kernel/build/kconfig-language.ts'
import {
  lostSymbols,
  lostSymbolsError,
  requireSymbols,
  whyLost,
} from '../../../src/kernel/build/lost-symbols.ts'
import {UserError} from '../../../src/lib/errors.ts'
import {writeKconfigFiles} from './kconfig-files.ts'

let box: string
let kconfig: Kconfig
beforeAll(async () => {
  box = await writeKconfigFiles()
  kconfig = await readKconfig(box)
})
afterAll(() => rm(box, {recursive: true}))

test('a symbol with another value than the wanted one is lost; off and absent are the same', () => {
  const wanted = parseConfig(
    'CONFIG_ON=y\nCONFIG_GONE=y\nCONFIG_OFF=n\n# CONFIG_FORCED is not set\nCONFIG_N=4\n',
  )
  const final = parseConfig('CONFIG_ON=y\nCONFIG_FORCED=y\nCONFIG_N=8\n')
  const lost = lostSymbols(wanted, final)
  expect(lost.map(({symbol}) => symbol)).toEqual(['GONE', 'FORCED', 'N'])
  const error = lostSymbolsError(lost)
  expect(error).toBeInstanceOf(UserError)
  expect(error.message).toContain('CONFIG_GONE (wanted y, got n)')
  expect(error.message).toContain('CONFIG_N (wanted 4, got 8)')
})

const why = (symbol: string, config: string, wanted = 'y', got = 'n') =>
  whyLost({symbol, wanted, got}, kconfig, parseConfig(config))

describe('why a symbol was lost', () => {
  test.for([
    ['UNHEARD_OF', '', 'this source does not have it'],
    ['WANTED', 'CONFIG_SMP=y', 'it depends on NO_HZ_FULL, which does not hold'],
    ['WANTED', 'CONFIG_NO_HZ_FULL=y', 'it depends on (SMP || UP), which does not hold'],
    ['WANTED', '', 'it depends on NO_HZ_FULL, and on (SMP || UP), which do not hold'],
    ['INNER', 'CONFIG_SMP=y\nCONFIG_X86=y', 'it depends on NET, which does not hold'],
    ['INNER', 'CONFIG_NET=y\nCONFIG_X86=y', 'it depends on SMP, which does not hold'],
    ['COMPILED', 'CONFIG_SMP=y', 'it depends on $(cc-option,-fthis(-or-that)), which does not hold'],
    ['HIDDEN', '', 'it has no prompt: only other options set it'],
    ['PICKY', '', 'it can be chosen only with EXPERT'],
    ['ONE', 'CONFIG_SMP=y\nCONFIG_TWO=y', 'one of several alternatives, and TWO was chosen'],
    ['AFTER', '', undefined],
  ] as const)('%s with %j', ([symbol, config, reason]) => {
    expect(why(symbol, config)).toBe(reason)
  })

  test('or why it is on although it should be off', () => {
    expect(why('FORCED', 'CONFIG_X86=y\nCONFIG_SMP=y', 'n', 'y')).toBe('selected by X86')
    expect(why('FORCED_ELSEWHERE', 'CONFIG_X86=y\nCONFIG_SMP=y', 'n', 'y')).toBeUndefined()
    expect(why('PICKY', '', 'n', 'y')).toBe('it can be chosen only with EXPERT')
  })

  test('is a part of the error', async () => {
    const wanted = parseConfig('CONFIG_WANTED=y\nCONFIG_SMP=y\n')
    await expect(requireSymbols(wanted, parseConfig('CONFIG_SMP=y\n'), box)).rejects.toMatchObject({
      message:
        'the kernel configuration lost CONFIG_WANTED (wanted y, got n): it depends on NO_HZ_FULL, which does not hold',
      exit: 69,
    })
    await expect(requireSymbols(wanted, wanted, box)).resolves.toBeUndefined()
  })
})
