// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {cpusOf} from '../model/change.ts'

/** A CPU set in JSON: the kernel's cpulist in its shortest form, the empty string for none. */
export const cpulist = z
  .string()
  .refine((text) => cpusOf('cpulist', text)?.toString() === text, 'not a cpulist')
  .describe('a cpulist, as the kernel writes it: "2-3,8"; empty: no CPU')
