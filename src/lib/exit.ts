// SPDX-License-Identifier: MIT

/** The exit codes. Scripts depend on these numbers: never renumber, only add. */
export const Exit = {
  ok: 0,
  failures: 1,
  usage: 2,
  unknown: 3,
  applyUndone: 4,
  applyNotUndone: 5,
  changes: 10,
  rebootPending: 11,
  unsuitable: 69,
  outputLost: 74,
  launchFailed: 125,
  notExecutable: 126,
  notFound: 127,
  interrupted: 130,
} as const

export type Exit = (typeof Exit)[keyof typeof Exit]

/** One line for each code, for `docs/exit-codes.md` and for the help texts. */
export const EXIT_MEANING: Readonly<Record<keyof typeof Exit, string>> = {
  ok: 'everything is as it should be',
  failures: 'failures were found (or warnings, under --strict)',
  usage: 'the command line or the config is wrong; nothing was touched',
  unknown: 'something could not be determined, and nothing failed',
  applyUndone: 'apply failed and everything it did was undone',
  applyNotUndone: 'apply or undo failed and not everything was undone',
  changes: 'plan: there are changes to apply',
  rebootPending: 'a reboot is pending',
  unsuitable: 'this machine or its software cannot do what was asked',
  outputLost: 'the answer could not be written to standard output; the work was done',
  launchFailed: 'launch failed before the program started',
  notExecutable: 'launch: the program cannot be executed',
  notFound: 'launch: the program was not found',
  interrupted: 'interrupted',
}
