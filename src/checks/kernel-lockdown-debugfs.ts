// SPDX-License-Identifier: MIT

import {LOCKDOWN, lockdown, mountedTypes} from '../facts/debugfs.ts'
import type {Finding} from '../model/finding.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'kernel-lockdown-debugfs',
  title: 'debugfs can be read',
  why: 'Only debugfs shows the fair server and the run queues. If it is not mounted, or locked down as under Secure Boot, the checks that need it are unknown.',
  values:
    'mounted passes. Under confidentiality lockdown, the run queues and the fair server cannot be read, and their checks are unknown.',
  facts: {lockdown, mountedTypes},
  judge({lockdown, mountedTypes}) {
    const findings: Finding[] = []
    if (!mountedTypes.has('debugfs'))
      findings.push({
        severity: 'warn',
        subject: '/sys/kernel/debug',
        message: 'debugfs is not mounted',
        remedy: {text: 'mount it', command: 'mount -t debugfs debugfs /sys/kernel/debug'},
      })
    if (lockdown !== undefined && lockdown !== 'none')
      findings.push({
        severity: 'warn',
        subject: LOCKDOWN,
        message: 'the kernel is locked down: root cannot read most files of debugfs',
        expected: 'none',
        actual: lockdown,
        remedy: {
          text: 'turn Secure Boot off, or remove the boot argument lockdown, where the security rules allow it',
        },
      })
    return findings
  },
  evidence: () => 'mounted',
  reference: 'fs/debugfs/file.c: debugfs_locked_down',
})
