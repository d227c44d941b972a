// SPDX-License-Identifier: MIT
import {kernel} from '../facts/kernel.ts'
import {defineCheck} from './check.ts'

/** Releases in which something that isolation needs was broken, and what. */
const REGRESSIONS: readonly (readonly [RegExp, string])[] = [
  [
    /^6\.12\.78-rt\d/,
    'a backport to eventpoll made thousands of interrupts a second on isolated CPUs (stable list, 26 March 2026)',
  ],
]

export default defineCheck({
  id: 'kernel-known-regressions',
  title: 'this release has no known isolation regression',
  why: 'Updates sometimes break isolation for a release or two. This list is short and never complete: measure again after every update.',
  values: 'The release. A finding says what is known about it.',
  extended: true,
  facts: {kernel},
  judge: ({kernel: {release}}) =>
    REGRESSIONS.filter(([pattern]) => pattern.test(release)).map(([, message]) => ({
      severity: 'warn',
      subject: release,
      message,
    })),
  evidence: ({kernel: {release}}) => release,
  remedy: {text: 'boot an earlier or a later release'},
  reference: 'https://lore.kernel.org/stable/',
})
