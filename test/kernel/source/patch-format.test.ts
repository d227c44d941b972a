// SPDX-License-Identifier: MIT
import {describe, expect, test} from 'vitest'
import {orderProblems, patchProblems, touchedFiles} from '../../../src/kernel/source/patch-format.ts'

const GOOD = `From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: A Person <a@example.org>
Date: Tue, 24 Nov 2026 12:00:00 +0000
Subject: [PATCH] tick/nohz: Let the tick stop, also where the subject is so long
 that it is folded

The tick continues although no task needs it.

Signed-off-by: A Person <a@example.org>
---
 kernel/time/tick-sched.c | 1 +

diff --git a/kernel/time/tick-sched.c b/kernel/time/tick-sched.c
--- a/kernel/time/tick-sched.c
+++ b/kernel/time/tick-sched.c
@@ -1,1 +1,2 @@
 one
+two
diff --git a/new.c b/new.c
--- /dev/null
+++ b/new.c
@@ -0,0 +1 @@
+new
`

describe('a patch', () => {
  test('as it should be', () => {
    expect(patchProblems(GOOD)).toEqual([])
    expect(touchedFiles(GOOD)).toEqual(['kernel/time/tick-sched.c'])
  })

  test.for([
    ['From 0000000000000000000000000000000000000000', 'From 1234', 'does not begin with'],
    ['From: A Person <a@example.org>\n', '', 'has no From'],
    ['Date: ', 'Sent: ', 'has no Date'],
    ['[PATCH] tick', '[PATCH 1/2] tick', 'has a Subject that is not'],
    ['tick/nohz: Let', 'Let', 'has a Subject that is not'],
    ['The tick continues although no task needs it.\n\n', '', 'does not say why'],
    ['Signed-off-by: A', 'Signed-off-by: Another', 'is not signed off by its author, A Person'],
    ['\n---\n', '\n', 'has no "---"'],
    ['+new\n', '+new\n-- \n2.39\n', 'ends with a git version'],
  ])('%j replaced by %j %s', ([from, to, problem]) => {
    expect(GOOD).toContain(from)
    expect(patchProblems(GOOD.replace(from ?? '', () => to ?? '')).join('; ')).toContain(problem)
  })
})

test.for([
  [['0001-a.patch'], ['0001-a.patch', '0002-b.patch', 'series'], ['0002-b.patch is not in the series']],
  [
    ['0001-a.patch', '0001-a.patch'],
    ['0001-a.patch'],
    ['0001-a.patch is in the series twice', '0001-a.patch should be number 0002'],
  ],
  [
    ['0001-a.patch', '0003-b.patch'],
    ['0001-a.patch', '0003-b.patch'],
    ['0003-b.patch should be number 0002'],
  ],
  [['0001-a.patch'], ['0001-a.patch', 'series', 'README.md'], []],
] as const)('the series %j with the files %j', ([names, files, problems]) => {
  expect(orderProblems(names, files)).toEqual(problems)
})
