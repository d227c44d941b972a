// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {withRecording} from '../../scripts/demo-page.ts'

test('a recording replaces the one before it, and the text around it stays', () => {
  const page = '# Demo\n\n<!-- demo -->\nold\n<!-- /demo -->\n\nend\n'
  const once = withRecording(page, 'new\n')
  expect(once).toBe('# Demo\n\n<!-- demo -->\n```\nnew\n```\n<!-- /demo -->\n\nend\n')
  expect(withRecording(once, 'new\n')).toBe(once)
})

test('refuses a page without markers', () => {
  expect(() => withRecording('# Demo\n', 'new')).toThrow('no markers')
})
