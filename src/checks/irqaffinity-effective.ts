// SPDX-License-Identifier: MIT
import {valuesOf} from '../boot/cmdline.ts'
import {cmdline} from '../facts/cmdline.ts'
import {optional} from '../facts/fact.ts'
import {DEFAULT_AFFINITY, irqDefault} from '../facts/irqs.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'
import {reaching} from './reaching.ts'

export default defineCheck({
  id: 'irqaffinity-effective',
  title: 'new interrupts start on housekeeping CPUs',
  why: 'isolcpus and nohz_full do not change the default affinity. A device that starts later may interrupt any CPU in it.',
  values:
    'The CPUs of default_smp_affinity: interrupts that are requested from now on may be delivered to them.',
  facts: {cmdline: optional(cmdline), irqDefault, settings},
  judge: ({irqDefault: {affinity}, settings}) =>
    reaching(affinity, settings, {
      severity: 'fail',
      subject: DEFAULT_AFFINITY,
      says: (open) => `the default affinity includes CPU ${open}`,
    }),
  evidence: ({irqDefault: {affinity}}) => `${affinity}`,
  remedy: ({cmdline, settings: {housekeeping}}) => ({
    text:
      cmdline !== undefined && valuesOf(cmdline, 'irqaffinity').length > 0
        ? 'keep it to the housekeeping CPUs'
        : `keep it to the housekeeping CPUs; irqaffinity=${housekeeping} at boot does it for good`,
    step: 'irq-affinity',
  }),
  reference: 'Documentation/core-api/irq/irq-affinity.rst',
})
