// SPDX-License-Identifier: MIT
import {bootIsolated, nohzFull, possible} from '../facts/cpus.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'housekeeping-intersect',
  title: 'isolcpus and nohz_full leave a common CPU',
  why: 'Unbound work needs a CPU that is in neither list. If isolcpus and nohz_full name complementary sets, there is none: Linux 6.1 then has an empty workqueue mask, and newer kernels drop one of the arguments.',
  values:
    'The CPUs that are in neither list. At least one passes. With none, the kernel drops nohz_full without an error.',
  facts: {bootIsolated, nohzFull, possible},
  judge({bootIsolated, nohzFull, possible}) {
    const common = possible.minus(bootIsolated).minus(nohzFull)
    if (!common.isEmpty) return []
    return [
      {
        severity: 'fail',
        message: `no CPU is left: isolcpus takes ${bootIsolated}, nohz_full takes ${nohzFull}`,
        expected: 'a CPU in neither',
        actual: `none of ${possible}`,
      },
    ]
  },
  evidence: ({bootIsolated, nohzFull, possible}) => `${possible.minus(bootIsolated).minus(nohzFull)}`,
  remedy: {text: 'give isolcpus and nohz_full the same list, and reboot'},
  reference: 'kernel/sched/isolation.c: housekeeping_setup',
})
