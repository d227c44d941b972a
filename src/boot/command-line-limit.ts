// SPDX-License-Identifier: MIT

/**
 * Bytes of command line that the kernel keeps, the final NUL included, by the machine name of uname(2)
 * (COMMAND_LINE_SIZE in arch/.../include/uapi/asm/setup.h, Linux 6.12).
 */
export const COMMAND_LINE_LIMITS = {
  x86_64: 2048,
  aarch64: 2048,
  ppc64le: 2048,
  riscv64: 1024,
  s390x: 4096,
  loongarch64: 4096,
} as const satisfies Readonly<Record<string, number>>

/** What every architecture on which CPUs can be isolated keeps: the limit to plan with where it is not known. */
export const SMALLEST_COMMAND_LINE_LIMIT = Math.min(...Object.values(COMMAND_LINE_LIMITS))

/** Bytes, the final NUL included; undefined for a machine that is not in the table. Pure. */
export const commandLineLimit = (machine: string | undefined): number | undefined =>
  new Map<string, number>(Object.entries(COMMAND_LINE_LIMITS)).get(machine ?? '')
