// SPDX-License-Identifier: MIT

/** "expected 0-1, found 3"; the empty string where neither is known. Pure. */
export function comparison({
  expected,
  actual,
}: {
  readonly expected?: string | undefined
  readonly actual?: string | undefined
}): string {
  return [
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(actual === undefined ? [] : [`found ${actual}`]),
  ].join(', ')
}
