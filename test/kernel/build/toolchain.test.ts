// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {parseConfig} from '../../../src/kernel/build/config-file.ts'
import {packagingPrograms, toolchainNotes} from '../../../src/kernel/build/toolchain.ts'

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

  test('also in the plugins that harden the kernel', () => {
    const config = 'CONFIG_GCC_PLUGINS=y\nCONFIG_GCC_PLUGIN_STACKLEAK=y\n'
    expect(notes(config)).toEqual([])
    expect(notes(config, false)).toEqual([
      expect.stringMatching(/STACKLEAK will be off: .* gcc-12-plugin-dev$/),
    ])
    expect(notes('CONFIG_GCC_PLUGINS=y\n', false)).toEqual([])
  })
})

test('the programs for packaging depend on the configuration', () => {
  const packages = (format: 'deb' | 'rpm', config = '') =>
    packagingPrograms(format, parseConfig(config)).map((program) => program.package)
  expect(packages('deb')).toEqual(['dpkg-dev', 'debhelper', 'rsync', 'kmod'])
  expect(packages('rpm')).toEqual(['rpm', 'rsync', 'kmod'])
  expect(
    packages('deb', 'CONFIG_MODULE_SIG=y\nCONFIG_DEBUG_INFO_BTF=y\nCONFIG_KERNEL_ZSTD=y\n').slice(4),
  ).toEqual(['openssl', 'dwarves', 'zstd'])
})
