// SPDX-License-Identifier: MIT

import {CGROUP, cpusets} from '../facts/cgroup.ts'
import {KUBELET_STATE, kubelet} from '../facts/kubelet.ts'
import {settings} from '../facts/settings.ts'
import type {Finding} from '../model/finding.ts'
import {defineCheck} from './check.ts'

/** Groups that container runtimes make: Kubernetes, Docker, Podman, CRI-O, containerd, LXC. */
const CONTAINER =
  /\/(kubepods|docker-[0-9a-f]{12}|docker\/[0-9a-f]{12}|libpod-|crio-|cri-containerd-|lxc\.payload|machine-)/

export default defineCheck({
  id: 'container-runtime-conflict',
  title: 'containers are not given isolated CPUs',
  why: 'A container runtime assigns CPUs without knowing which are isolated. Its containers then share an isolated CPU with its program. The scheduler does not balance there, so all their threads can stay on one CPU.',
  values:
    'A failure: a container was given isolated CPUs, or the kubelet assigns them. A warning: nothing keeps containers off them.',
  facts: {cpusets, kubelet, settings},
  judge({cpusets, kubelet, settings: {isolated, housekeeping}}) {
    const findings: Finding[] = []
    const handed = kubelet?.cpus?.intersect(isolated)
    if (handed && !handed.isEmpty)
      findings.push({
        severity: 'fail',
        subject: KUBELET_STATE,
        message: `the kubelet assigns CPU ${handed}`,
        cpus: handed,
        expected: `${housekeeping}`,
        actual: `${kubelet?.cpus}`,
        remedy: {
          text: `add them to reservedSystemCPUs of the kubelet, and remove ${KUBELET_STATE} while it is stopped`,
        },
      })
    for (const {path, cpus, effective} of cpusets.filter(({path}) => CONTAINER.test(path))) {
      const [named, open] = [cpus.intersect(isolated), effective.intersect(isolated)]
      if (open.isEmpty) continue
      findings.push({
        severity: named.isEmpty ? 'warn' : 'fail',
        subject: `${CGROUP}${path}`,
        message: named.isEmpty ? `its containers may use CPU ${open}` : `was given CPU ${open}`,
        cpus: open,
        expected: `${housekeeping}`,
        actual: `${effective}`,
        remedy: {
          text: 'set the CPUs of the runtime or container (docker --cpuset-cpus, AllowedCPUs= of its slice)',
        },
      })
    }
    return findings
  },
  evidence: ({cpusets, kubelet}) =>
    kubelet === undefined && !cpusets.some(({path}) => CONTAINER.test(path))
      ? 'no container runtime is active'
      : 'kept off',
  reference: 'Documentation/admin-guide/cgroup-v2.rst',
})
