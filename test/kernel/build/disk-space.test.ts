// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {parseConfig} from '../../../src/kernel/build/config-file.ts'
import {bytesFor} from '../../../src/kernel/build/disk-space.ts'

test('the space depends on what is compiled', () => {
  const config = (modules: number, more = '') =>
    parseConfig(Array.from({length: modules}, (_, n) => `CONFIG_M${n}=m\n`).join('') + more)
  const bytes = (modules: number, options = {}, more = '') =>
    bytesFor(config(modules, more), {debugInfo: false, trimmed: false, ...options})
  expect(bytes(0)).toBeLessThan(bytes(4000))
  expect(bytes(4000, {trimmed: true})).toBeLessThan(bytes(4000))
  expect(bytes(4000, {debugInfo: true}, 'CONFIG_DEBUG_INFO=y\n')).toBeGreaterThan(2 * bytes(4000))
})
