// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {parseConfig} from '../../../src/kernel/build/config-file.ts'
import {
  type AdaptOptions,
  adaptConfig,
  droppedSymbols,
} from '../../../src/kernel/build/distribution-config.ts'

const adapted = (config: string, more: Partial<AdaptOptions> = {}) =>
  adaptConfig(parseConfig(config), {
    fragment: parseConfig('CONFIG_OURS=y\n'),
    debugInfo: false,
    exists: () => false,
    ...more,
  })

describe('a distribution configuration', () => {
  test('keeps what isolctl does not need', () => {
    const {set, required, ownKey, notes} = adapted('CONFIG_A=y\nCONFIG_SYSTEM_TRUSTED_KEYS=""\n')
    expect(Object.fromEntries(set)).toEqual({OURS: 'y'})
    expect(Object.fromEntries(required)).toEqual({OURS: 'y'})
    expect([ownKey, notes]).toEqual([false, []])
  })

  test('loses certificates that do not exist, and keeps the others', () => {
    const config =
      'CONFIG_SYSTEM_TRUSTED_KEYS="debian/certs.pem"\nCONFIG_SYSTEM_REVOCATION_KEYS="/etc/revoked.pem"\n'
    const {set, notes} = adapted(config, {exists: (path) => path === '/etc/revoked.pem'})
    expect(set.get('SYSTEM_TRUSTED_KEYS')).toBe('""')
    expect(set.has('SYSTEM_REVOCATION_KEYS')).toBe(false)
    expect(notes).toEqual([expect.stringContaining('debian/certs.pem does not exist')])
  })

  test.for([
    ['CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_KEY="certs/signing_key.pem"\n', true],
    ['CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_KEY="certs/rhel.pem"\n', true],
    ['CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_KEY="/root/mine.pem"\n', false],
    ['# CONFIG_MODULE_SIG is not set\n', false],
  ] as const)('gets our key if its own does not exist: %j', ([config, own]) => {
    const {ownKey, set} = adapted(config, {exists: (path) => path === '/root/mine.pem'})
    expect(ownKey).toBe(own)
    expect(set.get('MODULE_SIG_KEY')).toBe(own ? '"certs/isolctl.pem"' : undefined)
  })

  test.for([
    ['CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_SHA512=y\n', 'y'],
    ['CONFIG_MODULE_SIG=y\nCONFIG_CRYPTO_SHA256=m\n', 'y'],
    ['CONFIG_CRYPTO_SHA256=m\n', undefined],
  ] as const)('has the hash for the list of revoked modules: %j', ([config, value]) => {
    const {set, required} = adapted(config)
    expect([set.get('CRYPTO_SHA256'), required.get('CRYPTO_SHA256')]).toEqual([value, value])
  })

  test('has no debug information without --debug-info', () => {
    const config = 'CONFIG_DEBUG_INFO=y\nCONFIG_DEBUG_INFO_DWARF5=y\nCONFIG_DEBUG_INFO_BTF=y\n'
    const without = adapted(config)
    expect(without.set.get('DEBUG_INFO_DWARF5')).toBe('n')
    expect(without.set.get('DEBUG_INFO_NONE')).toBe('y')
    expect(without.required.get('DEBUG_INFO')).toBe('n')
    expect(without.notes).toEqual([expect.stringContaining('--debug-info')])
    const kept = adapted(config, {debugInfo: true})
    expect(kept.set.has('DEBUG_INFO')).toBe(false)
    expect(kept.required.get('DEBUG_INFO_BTF')).toBe('y') // without pahole, Kconfig drops it and reports nothing
    expect(adapted('CONFIG_A=y\n', {debugInfo: true}).notes).toHaveLength(1)
  })

  test('the symbols that are gone, without those that isolctl turned off', () => {
    const base = parseConfig(
      'CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=y\nCONFIG_D=n\nCONFIG_DEBUG_INFO_BTF=y\nCONFIG_N=7\n',
    )
    expect(droppedSymbols(base, new Map([['C', 'n']]), parseConfig('CONFIG_A=m\n'))).toEqual(['B'])
  })
})
