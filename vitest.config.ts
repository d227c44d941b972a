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
      // Real processes, killed and traced: seconds each, and no kernel of our own.
      // A test takes as long as the machine's load makes it; the limit is for those that hang.
      {test: {...common, name: 'system', include: [SYSTEM], testTimeout: 120_000}},
      {
        // Real kernels in QEMU: one at a time, and minutes instead of milliseconds.
        test: {
          ...common,
          name: 'lab',
          include: ['test/lab/**/*.test.ts'],
          fileParallelism: false,
          // Once more, and said so: an emulated CPU that its host held up for a second looks like a disturbed one.
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
        // A real Debian with its own boot loader: a boot is a minute of an emulated machine.
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
