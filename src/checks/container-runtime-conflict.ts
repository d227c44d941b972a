// SPDX-License-Identifier: MIT

import {CGROUP, cpusets} from '../facts/cgroup.ts'
import {KUBELET_STATE, type Kubelet, kubelet} from '../facts/kubelet.ts'
import {podUids} from '../facts/programs.ts'
import {settings} from '../facts/settings.ts'
import {CpuSet} from '../model/cpuset.ts'
import type {Finding} from '../model/finding.ts'
import {ownerOf, ownerRemedy} from '../model/owner.ts'
import type {Target} from '../model/settings.ts'
import {isMeantGroup} from '../model/workload.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'container-runtime-conflict',
  title: 'containers are not given isolated CPUs',
  why: 'A container runtime assigns CPUs without knowing which are isolated. Its containers then share an isolated CPU with its program. The scheduler does not balance there, so all their threads can stay on one CPU.',
  values:
    'A failure: a container was given isolated CPUs, or the kubelet assigns them. A warning: nothing keeps containers off them.',
  facts: {cpusets, kubelet, podUids, settings},
  judge({cpusets, kubelet, podUids, settings: {isolated, housekeeping, workload = []}}) {
    const meant = (path: string) => workload.some((each) => isMeantGroup(path, each, podUids))
    const groups = cpusets.filter(({path}) => ownerOf(path) !== undefined && !meant(path))
    const findings = [
      ...(kubelet === undefined ? [] : assigned(kubelet, {isolated, housekeeping}, meant)),
      ...groups.flatMap(({path, cpus, effective = cpus}) => {
        const owner = ownerOf(path)
        const [named, open] = [cpus.intersect(isolated), effective.intersect(isolated)]
        if (open.isEmpty || owner === undefined) return []
        return [
          {
            severity: named.isEmpty ? ('warn' as const) : ('fail' as const),
            subject: `${CGROUP}${path}`,
            message: named.isEmpty ? `its programs may use CPU ${open}` : `was given CPU ${open}`,
            cpus: open,
            expected: `${housekeeping}`,
            actual: `${effective}`,
            remedy: ownerRemedy(owner, `${housekeeping}`),
          },
        ]
      }),
    ]
    const blind = groups.find(({cpus, effective}) => effective === undefined && cpus.isEmpty)
    if (findings.length === 0 && blind) return {unknown: `the CPUs of ${CGROUP}${blind.path} are not known`}
    return findings
  },
  evidence: ({cpusets, kubelet}) =>
    kubelet === undefined && !cpusets.some(({path}) => ownerOf(path) !== undefined)
      ? 'no container runtime is active'
      : 'kept off',
  reference: 'Documentation/admin-guide/cgroup-v2.rst',
})

/** What the kubelet assigns of the isolated CPUs, without what the config declares as workload. */
function assigned(
  {shared, exclusive, strict}: Kubelet,
  {isolated, housekeeping}: Target,
  meant: (path: string) => boolean,
): readonly Finding[] {
  const about = (cpus: CpuSet) => ({
    severity: 'fail' as const,
    subject: KUBELET_STATE,
    cpus,
    expected: `${housekeeping}`,
    actual: `${cpus}`,
  })
  const open = (shared ?? CpuSet.empty).intersect(isolated)
  return [
    ...(open.isEmpty
      ? []
      : [
          {
            ...about(open),
            message: `the kubelet assigns CPU ${open} to containers without CPUs of their own`,
            remedy: {
              text: `add them to reservedSystemCPUs of the kubelet${strict ? '' : ', set its policy option strict-cpu-reservation to true'}, and remove ${KUBELET_STATE} while it is stopped`,
            },
          },
        ]),
    ...exclusive.flatMap(({pod, container, cpus}) => {
      const own = cpus.intersect(isolated)
      if (own.isEmpty || (pod !== undefined && meant(`/kubepods/pod${pod}`))) return []
      return [
        {
          ...about(own),
          message: `the kubelet assigns CPU ${own} to ${pod === undefined ? '' : `${container} of pod `}${pod ?? container}`,
          remedy: ownerRemedy({kind: 'kubernetes', name: pod ?? container}, `${housekeeping}`),
        },
      ]
    }),
  ]
}
