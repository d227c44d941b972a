// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {roleOf} from '../../../src/kernel/build/package-files.ts'

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
