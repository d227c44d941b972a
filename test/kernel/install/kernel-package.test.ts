// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {defaultOf} from '../../../src/kernel/install/grub.ts'
import {inspectPackage, parseContents} from '../../../src/kernel/install/kernel-package.ts'
import {guardUnit, trialArguments, trialUnit} from '../../../src/kernel/install/units.ts'

const LISTING = `drwxr-xr-x root/root         0 2026-01-01 00:00 ./
drwxr-xr-x root/root         0 2026-01-01 00:00 ./boot/
-rw-r--r-- root/root       100 2026-01-01 00:00 ./boot/System.map-6.12.1-isolctl
-rw-r--r-- root/root      8000 2026-01-01 00:00 ./boot/vmlinuz-6.12.1-isolctl
-rw-r--r-- root/root     50000 2026-01-01 00:00 ./lib/modules/6.12.1-isolctl/a b.ko
lrwxrwxrwx root/root         0 2026-01-01 00:00 ./lib/modules/6.12.1-isolctl/build -> /usr/src/x
`

test('the listing of a package says what it is and what it takes', () => {
  expect(parseContents(LISTING)).toEqual({
    release: '6.12.1-isolctl',
    bytes: {boot: 8100, modules: 50_000},
  })
  expect(parseContents('').release).toBeUndefined()
})

describe('what is no kernel package is refused', () => {
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
    [fields('linux-headers-6.12.1-isolctl'), '', 'holds no kernel image'],
    [fields('linux-image-other'), LISTING, 'holds no kernel image'],
    [fields('linux-image-6.12.1-isolctl'), 'torn', 'is not a whole Debian package: unexpected end of file'],
  ] as const)('%j', async ([text, listing, message]) => {
    await expect(inspectPackage(host(text, listing), 'x.deb')).rejects.toThrow(message)
  })

  test('and what is one is taken', async () => {
    await expect(inspectPackage(host(fields('linux-image-6.12.1-isolctl')), 'x.deb')).resolves.toMatchObject({
      release: '6.12.1-isolctl',
    })
  })
})

test("GRUB's default is the one without next_entry", () => {
  const cfg = (chosen: string) => `if [ "\${next_entry}" ] ; then
   set default="\${next_entry}"
else
   set default="${chosen}"
fi`
  expect(defaultOf(cfg('a>b'))).toBe('a>b')
  expect(defaultOf(cfg('$' + '{saved_entry}'))).toBeUndefined()
})

describe('the units of a trial', () => {
  test('have their shell seen by the shell, not by systemd', () => {
    const unit = guardUnit(600)
    expect(unit).toMatch(/^ExecStart=\/bin\/sh -c '[^'\n]+'$/m)
    expect(unit).not.toMatch(/[^$]\$\(/)
    expect(unit).toContain('sleep 600')
  })

  test('do nothing in a boot that is no trial', () => {
    for (const unit of [guardUnit(1), trialUnit(['/usr/bin/node'])])
      expect(unit).toContain('ConditionKernelCommandLine=isolctl.trial')
    expect(trialArguments('6.12.1-isolctl')).toContain('isolctl.trial=6.12.1-isolctl')
  })

  test('make a panic of whatever the kernel notices, and a restart of a panic', () => {
    expect(trialArguments('6.12.1-isolctl')).toEqual(
      expect.arrayContaining(['panic=30', 'oops=panic', 'softlockup_panic=1', 'nmi_watchdog=panic']),
    )
  })

  test('wait for the disk that isolctl is on', () => {
    expect(trialUnit(['/opt/node', '/srv/isolctl/bin/run.js'])).toContain(
      '\nRequiresMountsFor=/opt/node /srv/isolctl/bin/run.js\n',
    )
  })

  test('are refused for a path that systemd would read otherwise', () => {
    expect(() => trialUnit(['/home/a b/node'])).toThrow('cannot name it: /home/a b/node')
  })
})
