// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {jsonText, visible} from '../../src/lib/visible.ts'
import {FOREIGN, raw} from '../support/foreign.ts'

test('every control and invisible character is escaped, one by one', () => {
  for (const char of FOREIGN) expect(visible(`a${char}b`)).toMatch(/^a(\\u[0-9a-f]{4})+b$/)
  expect(FOREIGN.length).toBeGreaterThan(65 + 20)
})

test('text of every script is left as it is', () => {
  const text = 'irq/24-nvme0q3 Überwachung 監視 мониторинг ✔ ✖ – → 🚀 \\x2d %'
  expect(visible(text)).toBe(text)
})

test('JSON has nothing invisible in it and is read back as the same', () => {
  const value = {[`key${FOREIGN.join('')}`]: FOREIGN.map((char) => `a${char}b`), n: [1, null, true]}
  for (const indent of [undefined, 2]) {
    const text = jsonText(value, indent)
    expect(raw(text)).toEqual([])
    expect(JSON.parse(text)).toEqual(value)
  }
})
