// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {vulnerabilities} from '../facts/vulnerabilities.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'mitigations-policy',
  title: 'CPU vulnerabilities are mitigated',
  why: 'Guides for low latency turn mitigations off. A program that seldom enters the kernel gains almost nothing, and the whole machine loses security.',
  values: 'The vulnerabilities that the kernel reports as open. isolctl decides nothing here.',
  extended: true,
  facts: {cmdline, vulnerabilities},
  judge({cmdline, vulnerabilities}) {
    const open = [...vulnerabilities].filter(([, state]) => /^Vulnerable/i.test(state)).map(([name]) => name)
    const off = valuesOf(cmdline, 'mitigations').at(-1)?.startsWith('off') ?? false
    if (!off && open.length === 0) return []
    return [
      {
        severity: 'warn',
        subject: off ? 'mitigations=off' : '/sys/devices/system/cpu/vulnerabilities',
        message:
          open.length > 0
            ? `open: ${open.join(', ')}`
            : 'mitigations are turned off, and this CPU needs none',
      },
    ]
  },
  evidence: ({vulnerabilities}) => `${vulnerabilities.size} looked at`,
  remedy: ({cmdline}) =>
    valuesOf(cmdline, 'mitigations').at(-1)?.startsWith('off')
      ? {
          text: `leave mitigations=${valuesOf(cmdline, 'mitigations').at(-1)} out, unless the risk was accepted`,
        }
      : {text: 'update the kernel and the microcode, unless the risk was accepted'},
  reference: 'Documentation/admin-guide/hw-vuln/',
})
