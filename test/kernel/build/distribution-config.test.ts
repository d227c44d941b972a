// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {parseConfig} from '../../../src/kernel/build/config-file.ts'
import {type AdaptOptions, adapt, dropped} from '../../../src/kernel/build/distribution-config.ts'
import {roleOf} from '../../../src/kernel/build/package-files.ts'
import {bytesFor} from '../../../src/kernel/build/plan.ts'
import {packagingPrograms, toolchainNotes} from '../../../src/kernel/build/toolchain.ts'

const adapted = (config: string, more: Partial<AdaptOptions> = {}) =>
  adapt(parseConfig(config), {
    fragment: parseConfig('CONFIG_OURS=y\n'),
    debugInfo: false,
    exists: () => false,
    ...more,
  })

describe('a distribution configuration', () => {
  test('keeps what has nothing to do with us', () => {
    const {set, required, ownKey, notes} = adapted('CONFIG_A=y\nCONFIG_SYSTEM_TRUSTED_KEYS=""\n')
    expect(Object.fromEntries(set)).toEqual({OURS: 'y'})
    expect(Object.fromEntries(required)).toEqual({OURS: 'y'})
    expect([ownKey, notes]).toEqual([false, []])
  })

  test('loses certificates that are not there, and keeps those that are', () => {
    const config =
      'CONFIG_SYSTEM_TRUSTED_KEYS="debian/certs.pem"\nCONFIG_SYSTEM_REVOCATION_KEYS="/etc/revoked.pem"\n'
    const {set, notes} = adapted(config, {exists: (path) => path === '/etc/revoked.pem'})
    expect(set.get('SYSTEM_TRUSTED_KEYS')).toBe('""')
    expect(set.has('SYSTEM_REVOCATION_KEYS')).toBe(false)
    expect(notes).toEqual([expect.stringContaining('debian/certs.pem is not there')])
  })

  test.for([
    ['CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_KEY="certs/signing_key.pem"\n', true],
    ['CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_KEY="certs/rhel.pem"\n', true],
    ['CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_KEY="/root/mine.pem"\n', false],
    ['# CONFIG_MODULE_SIG is not set\n', false],
  ] as const)('gets a key of ours where it has none to sign with: %j', ([config, own]) => {
    const {ownKey, set} = adapted(config, {exists: (path) => path === '/root/mine.pem'})
    expect(ownKey).toBe(own)
    expect(set.get('MODULE_SIG_KEY')).toBe(own ? '"certs/isolctl.pem"' : undefined)
  })

  test.for([
    ['CONFIG_MODULE_SIG=y\nCONFIG_MODULE_SIG_SHA512=y\n', 'y'],
    ['CONFIG_MODULE_SIG=y\nCONFIG_CRYPTO_SHA256=m\n', 'y'],
    ['CONFIG_CRYPTO_SHA256=m\n', undefined],
  ] as const)('can look up signed modules in a list of revoked ones: %j', ([config, value]) => {
    const {set, required} = adapted(config)
    expect([set.get('CRYPTO_SHA256'), required.get('CRYPTO_SHA256')]).toEqual([value, value])
  })

  test('has no debug information, unless it is asked for', () => {
    const config = 'CONFIG_DEBUG_INFO=y\nCONFIG_DEBUG_INFO_DWARF5=y\nCONFIG_DEBUG_INFO_BTF=y\n'
    const without = adapted(config)
    expect(without.set.get('DEBUG_INFO_DWARF5')).toBe('n')
    expect(without.set.get('DEBUG_INFO_NONE')).toBe('y')
    expect(without.required.get('DEBUG_INFO')).toBe('n')
    expect(without.notes).toEqual([expect.stringContaining('--debug-info')])
    const kept = adapted(config, {debugInfo: true})
    expect(kept.set.has('DEBUG_INFO')).toBe(false)
    expect(kept.required.get('DEBUG_INFO_BTF')).toBe('y') // or pahole is missing, and nobody would say so
    expect(adapted('CONFIG_A=y\n', {debugInfo: true}).notes).toHaveLength(1)
  })

  test('says what is gone, but for what we turned off', () => {
    const base = parseConfig(
      'CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=y\nCONFIG_D=n\nCONFIG_DEBUG_INFO_BTF=y\nCONFIG_N=7\n',
    )
    expect(dropped(base, new Map([['C', 'n']]), parseConfig('CONFIG_A=m\n'))).toEqual(['B'])
  })
})

describe('a toolchain that differs', () => {
  const notes = (config: string, plugins = true) =>
    toolchainNotes(parseConfig(config), {compiler: 'gcc (Debian 12.2.0-14) 12.2.0', plugins, rustc: false})

  test.for([
    ['CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0"\n', []],
    ['CONFIG_CC_VERSION_TEXT="gcc (Ubuntu 13.2.0-23ubuntu4) 13.2.0"\n', ['compiled by gcc (Ubuntu']],
    ['CONFIG_CC_VERSION_TEXT="Ubuntu clang version 18.1.3 (1ubuntu1)"\n', ['compiled by clang']],
    ['CONFIG_RUST=y\n', ['no rustc']],
    ['', []],
  ] as const)('%j', ([config, expected]) => {
    expect(notes(config)).toEqual(expected.map((text) => expect.stringContaining(text) as string))
  })

  test('also in what hardens the kernel', () => {
    const config = 'CONFIG_GCC_PLUGINS=y\nCONFIG_GCC_PLUGIN_STACKLEAK=y\n'
    expect(notes(config)).toEqual([])
    expect(notes(config, false)).toEqual([
      expect.stringMatching(/STACKLEAK will be off: .* gcc-12-plugin-dev$/),
    ])
    expect(notes('CONFIG_GCC_PLUGINS=y\n', false)).toEqual([])
  })
})

test('what packaging takes depends on what is packed', () => {
  const packages = (format: 'deb' | 'rpm', config = '') =>
    packagingPrograms(format, parseConfig(config)).map((program) => program.package)
  expect(packages('deb')).toEqual(['dpkg-dev', 'debhelper', 'rsync', 'kmod'])
  expect(packages('rpm')).toEqual(['rpm', 'rsync', 'kmod'])
  expect(
    packages('deb', 'CONFIG_MODULE_SIG=y\nCONFIG_DEBUG_INFO_BTF=y\nCONFIG_KERNEL_ZSTD=y\n').slice(4),
  ).toEqual(['openssl', 'dwarves', 'zstd'])
})

test.for([
  ['linux-image-6.12.1-isolctl.ab_6.12.1-1_amd64.deb', 'deb', 'image'],
  ['linux-image-6.12.1-isolctl.ab-dbg_6.12.1-1_amd64.deb', 'deb', 'debug'],
  ['linux-headers-6.12.1-isolctl.ab_6.12.1-1_amd64.deb', 'deb', 'headers'],
  ['linux-image-6.12.1-isolctl.cd_6.12.1-1_amd64.deb', 'deb', undefined],
  ['linux-libc-dev_6.12.1-1_amd64.deb', 'deb', undefined],
  ['linux-upstream_6.12.1-1_amd64.changes', 'deb', undefined],
  ['kernel-6.12.1_isolctl.ab-1.x86_64.rpm', 'rpm', 'image'],
  ['kernel-devel-6.12.1_isolctl.ab-1.x86_64.rpm', 'rpm', 'headers'],
  ['kernel-headers-6.12.1_isolctl.ab-1.x86_64.rpm', 'rpm', undefined],
] as const)('%s is %s: %s', ([name, format, role]) => {
  expect(roleOf(name, '6.12.1-isolctl.ab', format)).toBe(role)
})

test('room is asked for by what there is to compile', () => {
  const config = (modules: number, more = '') =>
    parseConfig(Array.from({length: modules}, (_, n) => `CONFIG_M${n}=m\n`).join('') + more)
  const bytes = (modules: number, options = {}, more = '') =>
    bytesFor(config(modules, more), {debugInfo: false, trimmed: false, ...options})
  expect(bytes(0)).toBeLessThan(bytes(4000))
  expect(bytes(4000, {trimmed: true})).toBeLessThan(bytes(4000))
  expect(bytes(4000, {debugInfo: true}, 'CONFIG_DEBUG_INFO=y\n')).toBeGreaterThan(2 * bytes(4000))
})
