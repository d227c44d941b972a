// SPDX-License-Identifier: MIT
import {labKernel} from '../../src/lab/kernel.ts'
import {logProgress} from '../../src/ui/progress.ts'

/**
 * The bzImage to test: $ISOLCTL_LAB_KERNEL for work on the kernel, else the kernel of the series,
 * whose first build takes minutes.
 */
export async function testKernel(): Promise<string> {
  const given = process.env['ISOLCTL_LAB_KERNEL']
  if (given) return given
  const progress = logProgress((line) => process.stderr.write(`${line}\n`))
  return (await labKernel({progress})).bzImage
}
