// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {fold, withRecording} from '../../scripts/demo-page.ts'

const RECORDED = `── 1 ──
$ isolctl preflight --window 3s
lab · Linux 6.12

  ✔ clocksource-tsc            time comes from the stable CPU counter   tsc
  – hotplug-stable             no CPU came or went
      nothing to compare with
  ✖ fair-server                the fair server is off
      fair server: it takes its turn on CPU 2
        expected runtime 0
  ✔ rt-throttle                real-time tasks are not throttled
  ✔ tick-stopped-under-load    the tick is stopped while a task spins
      0 interrupts on 2 in 3 s
  ✔ vmstat                     no statistics timer runs

1 failed, 1 skipped, 3 passed
✔ preflight says no
$ isolctl apply --yes
  ✔ /proc/irq/4/smp_affinity_list   0-2 -> 0-1`

test('checks that passed or were skipped are folded, and nothing else is', () => {
  expect(fold(RECORDED)).toBe(`── 1 ──
$ isolctl preflight --window 3s
lab · Linux 6.12

  ...
  ✖ fair-server                the fair server is off
      fair server: it takes its turn on CPU 2
        expected runtime 0
  ...
  ✔ tick-stopped-under-load    the tick is stopped while a task spins
      0 interrupts on 2 in 3 s
  ...

1 failed, 1 skipped, 3 passed
✔ preflight says no
$ isolctl apply --yes
  ✔ /proc/irq/4/smp_affinity_list   0-2 -> 0-1`)
})

test('a recording replaces the one before it, and the text around it stays', () => {
  const page = '# Demo\n\n<!-- demo -->\nold\n<!-- /demo -->\n\nend\n'
  const once = withRecording(page, 'new\n')
  expect(once).toBe('# Demo\n\n<!-- demo -->\n```\nnew\n```\n<!-- /demo -->\n\nend\n')
  expect(withRecording(once, 'new\n')).toBe(once)
})

test('refuses a page without markers', () => {
  expect(() => withRecording('# Demo\n', 'new')).toThrow('no markers')
})
