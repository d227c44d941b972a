// SPDX-License-Identifier: MIT

import type {Knob} from '../facts/knob.ts'
import {
  compactLocked,
  numaBalancing,
  proactiveCompaction,
  samePageMerging,
  swaps,
  transparentHugePages,
} from '../facts/memory.ts'
import {chosen} from '../model/change.ts'
import type {Finding, Severity} from '../model/finding.ts'
import {defineCheck} from './check.ts'

const swapAreas = (text: string) =>
  text
    .split('\n')
    .slice(1)
    .flatMap((line) => line.trim().split(/\s+/)[0] || [])

export default defineCheck({
  id: 'memory-daemons',
  title: 'the kernel leaves memory where it is',
  why: 'To merge pages, build huge pages, move pages between nodes or swap takes pages away from a running program. The program takes page faults, and its CPUs get TLB shootdowns.',
  values: 'Each finding is the path of a setting with which the kernel moves, merges or swaps pages.',
  facts: {
    compactLocked,
    numaBalancing,
    proactiveCompaction,
    samePageMerging,
    swaps,
    transparentHugePages,
  },
  judge({compactLocked, numaBalancing, proactiveCompaction, samePageMerging, swaps, transparentHugePages}) {
    const set = [compactLocked, numaBalancing, proactiveCompaction, samePageMerging, transparentHugePages]
    const strange = set.find(
      (knob) => knob !== undefined && !/^(\d{1,6}|[a-z]{1,10}|[^[]*\[\w+\].*)$/.test(knob.text),
    )
    if (strange) return {unknown: `${strange.path}: not a setting: "${strange.text.slice(0, 40)}"`}
    const found: Finding[] = []
    const say = (knob: Knob, severity: Severity, message: string, expected: string) =>
      found.push({
        severity,
        subject: knob.path,
        message,
        expected,
        actual: chosen(knob.text),
        remedy: {text: `set it to ${expected}`, step: 'memory-daemons'},
      })
    if (samePageMerging?.text === '1') say(samePageMerging, 'fail', 'KSM merges pages of programs', '0')
    if (numaBalancing && numaBalancing.text !== '0')
      say(numaBalancing, 'fail', 'NUMA balancing unmaps pages to find the nodes that use them', '0')
    if (transparentHugePages && chosen(transparentHugePages.text) === 'always')
      say(
        transparentHugePages,
        'warn',
        'the kernel builds huge pages for every program in the background',
        'madvise',
      )
    if (proactiveCompaction && proactiveCompaction.text !== '0')
      say(proactiveCompaction, 'warn', 'the kernel compacts memory in advance, which moves pages', '0')
    if (compactLocked && compactLocked.text !== '0')
      say(compactLocked, 'warn', 'compaction moves locked pages as well', '0')
    const areas = swapAreas(swaps?.text ?? '')
    if (areas.length > 0)
      found.push({
        severity: 'warn',
        subject: '/proc/swaps',
        message: `memory may be swapped out to ${areas.join(', ')}`,
        expected: 'none',
        remedy: {text: 'turn swap off, or let programs lock their memory', command: 'swapoff -a'},
      })
    return found
  },
  evidence: ({transparentHugePages}) =>
    transparentHugePages && `huge pages: ${chosen(transparentHugePages.text)}`,
  reference: 'Documentation/admin-guide/mm/',
})
