// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {guardUnit, trialArguments, trialUnit} from '../../../src/kernel/install/units.ts'

describe('the units of a trial', () => {
  test('pass their script to the shell without an expansion by systemd', () => {
    const unit = guardUnit(600)
    expect(unit).toMatch(/^ExecStart=\/bin\/sh -c '[^'\n]+'$/m)
    expect(unit).not.toMatch(/[^$]\$\(/)
    expect(unit).toContain('sleep 600')
  })

  test('do nothing in a boot that is not a trial', () => {
    for (const unit of [guardUnit(1), trialUnit(['/usr/bin/node'])])
      expect(unit).toContain('ConditionKernelCommandLine=isolctl.trial')
    expect(trialArguments('6.12.1-isolctl')).toContain('isolctl.trial=6.12.1-isolctl')
  })

  test('make a panic of every fault that the kernel detects, and a restart of a panic', () => {
    expect(trialArguments('6.12.1-isolctl')).toEqual(
      expect.arrayContaining(['panic=30', 'oops=panic', 'softlockup_panic=1', 'nmi_watchdog=panic']),
    )
  })

  test('wait for the disk with isolctl', () => {
    expect(trialUnit(['/opt/node', '/srv/isolctl/bin/run.js'])).toContain(
      '\nRequiresMountsFor=/opt/node /srv/isolctl/bin/run.js\n',
    )
  })

  test('are refused for a path that systemd would change', () => {
    expect(() => trialUnit(['/home/a b/node'])).toThrow('cannot name the path of isolctl: /home/a b/node')
  })
})
