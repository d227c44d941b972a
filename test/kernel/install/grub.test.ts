// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {defaultOf} from '../../../src/kernel/install/grub.ts'

test('the default of grub.cfg is the one without next_entry', () => {
  const cfg = (chosen: string) => `if [ "\${next_entry}" ] ; then
   set default="\${next_entry}"
else
   set default="${chosen}"
fi`
  expect(defaultOf(cfg('a>b'))).toBe('a>b')
  expect(defaultOf(cfg('$' + '{saved_entry}'))).toBeUndefined()
})
