// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {expectedLines, findConflict} from '../../../src/kernel/source/conflict.ts'

const PATCH = `Subject: [PATCH] why

---
diff --git a/kernel/a.c b/kernel/a.c
--- a/kernel/a.c
+++ b/kernel/a.c
@@ -1,3 +1,4 @@ int before;
 one
+new
 two
 three
@@ -10,4 +11,4 @@
 int x;
-	return old(x);
+	return new(x);
 }

diff --git a/kernel/b.c b/kernel/b.c
--- a/kernel/b.c
+++ b/kernel/b.c
@@ -1 +1 @@
-- a list item
+- another one
-- 
`

test('the lines that a hunk expects', () => {
  expect(expectedLines(PATCH, 'kernel/a.c', 1)).toEqual(['one', 'two', 'three'])
  expect(expectedLines(PATCH, 'kernel/a.c', 2)).toEqual(['int x;', '\treturn old(x);', '}', ''])
  expect(expectedLines(PATCH, 'kernel/b.c', 1)).toEqual(['- a list item'])
  expect(expectedLines(PATCH, 'kernel/c.c', 1)).toEqual([])
})

test('the line that changed, also at another place in the file', () => {
  const wanted = expectedLines(PATCH, 'kernel/a.c', 2)
  const source = ['}', '', 'int y;', '}', 'moved', 'int x;', '\treturn older(x, 1);', '}', ''].join('\n')
  expect(findConflict(source, wanted)).toEqual({
    line: 7,
    expected: '\treturn old(x);',
    found: '\treturn older(x, 1);',
  })
})

test('no conflict if no place resembles the hunk, or if nothing differs', () => {
  expect(findConflict('}\n\nother\n', ['int x;', '}', ''])).toBeUndefined()
  expect(findConflict('int x;\n', ['int x;'])).toBeUndefined()
})
