// SPDX-License-Identifier: MIT

export interface TapResult {
  readonly name: string
  readonly result: 'ok' | 'not ok' | 'skip'
}

/**
 * The output of a kernel selftest (Documentation/dev-tools/ktap.rst), without nested levels. Pure.
 */
export function parseTap(text: string): {readonly planned: number; readonly results: readonly TapResult[]} {
  const planned = Number(/^1\.\.(\d+)/m.exec(text)?.[1] ?? 0)
  const lines = [...text.matchAll(/^(ok|not ok) \d+ (?:- )?(.*)$/gm)]
  return {
    planned,
    results: lines.map(([, result = '', name = '']) => {
      // kselftest.h puts the name behind the directive
      const skipped = /^(.*?) ?# SKIP ?(.*)$/.exec(name)
      return {
        name: skipped ? `${skipped[1]}${skipped[2]}` : name,
        result: skipped ? 'skip' : (result as 'ok' | 'not ok'),
      }
    }),
  }
}
