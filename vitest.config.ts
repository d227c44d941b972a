// SPDX-License-Identifier: MIT
import {defineConfig} from 'vitest/config'

const common = {
  disableConsoleIntercept: true, // @oclif/test captures process.stdout.write
  env: {NO_COLOR: '1', LC_ALL: 'C', TZ: 'UTC'},
}

const SYSTEM = 'test/**/*.system.test.ts'

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...common,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/lab/**', 'test/vm/**', 'test/proof/**', SYSTEM],
        },
      },
      // Real processes, which are killed and traced: seconds per test, on the running kernel. The
      // timeout is only for tests that hang, because the duration of a test depends on the load of
      // the machine.
      {test: {...common, name: 'system', include: [SYSTEM], testTimeout: 120_000}},
      {
        // Real kernels in QEMU: one at a time, and minutes instead of milliseconds.
        test: {
          ...common,
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          fileParallelism: false,
          // A second try, which is reported: an emulated CPU that the host stops for a second looks
          // like a disturbed CPU.
          retry: 1,
          testTimeout: 300_000,
          hookTimeout: 3_000_000,
        },
      },
      {
        // Real programs under hard isolation, for minutes.
        test: {
          ...common,
          name: 'proof',
          include: ['test/proof/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 500_000,
          hookTimeout: 3_000_000,
        },
      },
      {
        // A real Debian with its own boot loader: a boot takes a minute on an emulated machine.
        test: {
          ...common,
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 3_600_000,
          hookTimeout: 3_000_000,
        },
      },
    ],
  },
})
