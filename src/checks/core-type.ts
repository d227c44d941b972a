// SPDX-License-Identifier: MIT
import {coreTypes} from '../facts/core-kinds.ts'
import {told} from '../facts/fact.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'core-type',
  title: 'isolated CPUs are all of one kind',
  why: 'Performance and efficient cores differ in speed and in latency. Threads that wait for each other then wait for the slower core.',
  values:
    'The kinds of cores among the isolated CPUs, by the type or capacity that the kernel reports. One kind passes.',
  extended: true,
  facts: {coreTypes: told(coreTypes), settings},
  skip: ({coreTypes}) => (coreTypes === undefined ? 'all cores of this machine are of one kind' : undefined),
  judge({coreTypes, settings: {isolated}}) {
    const kinds = [...(coreTypes ?? [])].filter(([, cpus]) => !cpus.isDisjointFrom(isolated))
    if (kinds.length < 2) return []
    return [
      {
        severity: 'warn',
        message: kinds.map(([kind, cpus]) => `${kind} ${cpus.intersect(isolated)}`).join(', '),
        cpus: isolated,
        expected: 'one kind',
        actual: `${kinds.length} kinds`,
      },
    ]
  },
  evidence: ({coreTypes, settings: {isolated}}) =>
    [...(coreTypes ?? [])].find(([, cpus]) => !cpus.isDisjointFrom(isolated))?.[0],
  remedy: {text: 'isolate CPUs of one kind'},
  reference: 'Documentation/admin-guide/perf/',
})
