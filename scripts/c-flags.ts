// SPDX-License-Identifier: MIT
/** How our C programs are compiled, run from the checkout's root. Static, so that they run anywhere and map little. */
export const C_FLAGS: readonly string[] = [
  '-std=gnu11',
  '-O2',
  '-static',
  '-pthread',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Isrc/launch/shim',
]
