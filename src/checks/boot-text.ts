// SPDX-License-Identifier: MIT
import type {Check} from './check.ts'
import cmdlineDefeatsIsolation from './cmdline-defeats-isolation.ts'
import cmdlineDuplicates from './cmdline-duplicates.ts'
import cmdlineKernelWarnings from './cmdline-kernel-warnings.ts'
import cmdlineMisread from './cmdline-misread.ts'
import cmdlineQuoting from './cmdline-quoting.ts'
import cmdlineUnknownParams from './cmdline-unknown-params.ts'

/** Checks of the text of boot arguments. They need no isolated CPU. */
export const TEXT_CHECKS: readonly Check[] = [
  cmdlineMisread,
  cmdlineDuplicates,
  cmdlineQuoting,
  cmdlineDefeatsIsolation,
]

/** The same, and what the kernel itself said about the arguments of this boot. */
export const BOOTED_TEXT_CHECKS: readonly Check[] = [
  cmdlineUnknownParams,
  cmdlineKernelWarnings,
  ...TEXT_CHECKS,
]
