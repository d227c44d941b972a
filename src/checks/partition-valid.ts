// SPDX-License-Identifier: MIT
import {CGROUP, type Cpuset, cgroupVersion, cpusets, withoutVersion2} from '../facts/cgroup.ts'
import type {Remedy} from '../model/finding.ts'
import {defineCheck} from './check.ts'

const isPartition = ({partition}: Cpuset) => partition !== undefined && partition !== 'member'

const AGAIN: Remedy = {
  text: 'correct cpuset.cpus of the partition and its siblings, write the partition again, and read it back',
}
/** PERR_HKEEPING: the kernel would refuse the partition again, however it is written. */
const CONFLICT: Remedy = {
  text: 'choose between isolcpus and the partition, as partition-vs-isolcpus says',
}

export default defineCheck({
  id: 'partition-valid',
  title: 'cpuset partitions are valid',
  why: 'The kernel accepts the word isolated whether or not it can make the partition. Only reading the file again shows that the partition is invalid.',
  values: 'The content of cpuset.cpus.partition. isolated invalid, with a reason in brackets, fails.',
  facts: {cgroupVersion, cpusets},
  skip: ({cgroupVersion, cpusets}) =>
    withoutVersion2(cgroupVersion) ??
    (cpusets.some(isPartition) ? undefined : 'there is no cpuset partition'),
  judge({cpusets}) {
    const findings = cpusets.filter(isPartition).flatMap(({path, partition = '', cpus, effective}) => {
      const [, kind = '', reason] = /^(\w+) invalid(?: \((.*)\))?$/.exec(partition) ?? []
      const subject = `${CGROUP}${path}/cpuset.cpus.partition`
      if (kind !== '')
        return [
          {
            severity: 'fail' as const,
            subject,
            message: `it is not ${kind}${reason === undefined ? '' : `: ${reason}`}`,
            cpus,
            expected: kind,
            actual: partition,
            remedy: reason?.includes('housekeeping') ? CONFLICT : AGAIN,
          },
        ]
      // All its CPUs offline: the file still says "isolated".
      if (effective?.isEmpty)
        return [
          {
            severity: 'fail' as const,
            subject,
            message: 'it has no CPU left',
            cpus,
            actual: partition,
            remedy: AGAIN,
          },
        ]
      return []
    })
    const blind = cpusets.filter(isPartition).find(({effective}) => effective === undefined)
    if (findings.length === 0 && blind)
      return {unknown: `${CGROUP}${blind.path}/cpuset.cpus.effective does not exist`}
    return findings
  },
  evidence: ({cpusets}) =>
    cpusets
      .filter(isPartition)
      .map(({path, partition, effective}) => `${path.slice(1)} ${partition} ${effective}`)
      .join(', '),
  reference: 'kernel/cgroup/cpuset.c: perr_strings',
})
