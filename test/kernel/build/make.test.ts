// SPDX-License-Identifier: MIT
import {expect, onTestFinished, test, vi} from 'vitest'
import {buildEnvironment, firstError, objectOf} from '../../../src/kernel/build/make.ts'

test.for([
  ['  CC      kernel/sched/isolation.o', 'kernel/sched/isolation.o'],
  ['  AS      arch/x86/entry/entry_64.o', 'arch/x86/entry/entry_64.o'],
  ['  CC [M]  fs/fat/fat.o', 'fs/fat/fat.o'],
  ['  CC      kernel/bounds.s', undefined],
  ['  HOSTCC  scripts/mod/file2alias.o', undefined],
  ['  CC      scripts/mod/empty.o', undefined],
  ['  CC      /home/me/tree/objects/tools/objtool/check.o', undefined],
  ['  AR      kernel/built-in.a', undefined],
  ["make[1]: Entering directory '/x'", undefined],
] as const)('%s', ([line, object]) => {
  expect(objectOf(line)).toBe(object)
})

test.for([
  [
    [
      'make[3]: *** [../scripts/Makefile.build:229: kernel/fork.o] Error 1',
      "../kernel/sys.c:2:1: error: expected ';' before 'int'",
      '../kernel/sys.c:9:1: error: later',
      'make[4]: *** [../scripts/Makefile.build:229: kernel/sys.o] Error 1',
    ],
    "kernel/sys.c:2:1: error: expected ';' before 'int'",
  ],
  [
    ['../a.c:1:10: fatal error: gelf.h: No such file or directory'],
    'a.c:1:10: fatal error: gelf.h: No such file or directory',
  ],
  [
    ["ld: kernel/exit.o: in function `do_exit':", "exit.c:(.text+0x1): undefined reference to `x'"],
    "exit.c:(.text+0x1): undefined reference to `x'",
  ],
  [
    ['make[2]: *** [Makefile:73: objtool] Error 2', 'make: *** [Makefile:236: __sub-make] Error 2'],
    '[Makefile:73: objtool] Error 2',
  ],
  [['  CC      kernel/error.o', '../kernel/x.c:5:3: warning: error: is in here'], undefined],
] as const)('the first error', ([lines, expected]) => {
  const errors = firstError()
  for (const line of lines) errors.see(line)
  expect(errors.first()).toBe(expected)
})

test('make gets from our environment only where programs and temporary files are, and whether to use ccache', () => {
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('MAKEFLAGS', '-k')
  vi.stubEnv('ARCH', 'arm64')
  vi.stubEnv('CCACHE_DISABLE', '1')
  const environment = buildEnvironment('/cache', 7)
  expect(environment).toMatchObject({
    PATH: process.env['PATH'],
    CCACHE_DISABLE: '1',
    CCACHE_DIR: '/cache',
    KBUILD_BUILD_TIMESTAMP: '@7',
  })
  expect(environment).not.toHaveProperty('MAKEFLAGS')
  expect(environment).not.toHaveProperty('ARCH')
})
