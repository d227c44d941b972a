// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {inspectPackage, parseContents} from '../../../src/kernel/install/kernel-package.ts'

const LISTING = `drwxr-xr-x root/root         0 2026-01-01 00:00 ./
drwxr-xr-x root/root         0 2026-01-01 00:00 ./boot/
-rw-r--r-- root/root       100 2026-01-01 00:00 ./boot/System.map-6.12.1-isolctl
-rw-r--r-- root/root      8000 2026-01-01 00:00 ./boot/vmlinuz-6.12.1-isolctl
-rw-r--r-- root/root     50000 2026-01-01 00:00 ./lib/modules/6.12.1-isolctl/a b.ko
lrwxrwxrwx root/root         0 2026-01-01 00:00 ./lib/modules/6.12.1-isolctl/build -> /usr/src/x
`

test('the listing of a package has the release and the sizes', () => {
  expect(parseContents(LISTING)).toEqual({
    release: '6.12.1-isolctl',
    bytes: {boot: 8100, modules: 50_000},
  })
  expect(parseContents('').release).toBeUndefined()
})

describe('a package that is no kernel package is refused', () => {
  const host = (fields: string, listing = LISTING) => ({
    ...memoryHost({}),
    async run([program, what]: readonly [string, ...string[]]) {
      if (program === 'dpkg') return {stdout: 'amd64\n'}
      if (listing === 'torn' && what === '--contents')
        throw new Error('dpkg-deb --contents x.deb: exit status 2: unexpected end of file')
      return {stdout: what === '--field' ? fields : listing}
    },
  })
  const fields = (name: string, architecture = 'amd64') =>
    `Package: ${name}\nVersion: 1\nArchitecture: ${architecture}\n`

  test.for([
    [fields('linux-image-6.12.1-isolctl', 'arm64'), LISTING, 'is for arm64, and this machine is amd64'],
    [fields('linux-headers-6.12.1-isolctl'), '', 'contains no kernel image'],
    [fields('linux-image-other'), LISTING, 'contains no kernel image'],
    [
      fields('linux-image-6.12.1-isolctl'),
      'torn',
      'is not a complete Debian package: unexpected end of file',
    ],
  ] as const)('%j', async ([text, listing, message]) => {
    await expect(inspectPackage(host(text, listing), 'x.deb')).rejects.toThrow(message)
  })

  test('and a kernel package is accepted', async () => {
    await expect(inspectPackage(host(fields('linux-image-6.12.1-isolctl')), 'x.deb')).resolves.toMatchObject({
      release: '6.12.1-isolctl',
    })
  })
})
