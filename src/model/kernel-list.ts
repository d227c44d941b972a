// SPDX-License-Identifier: MIT
import {CpuSet} from './cpuset.ts'

/**
 * bitmap_parselist() (lib/bitmap-str.c) over `count` CPUs: "N" is the last of them, "all" every one, "a-b:u/g" takes the
 * first u of every g. What was read before an error is in `cpus`, as it is in the kernel's mask. Pure.
 */
export function parseKernelList(
  text: string,
  count: number,
): {readonly cpus: CpuSet; readonly error?: string} {
  const cpus: number[] = []
  let rest = text.split('\n')[0] ?? ''
  for (;;) {
    rest = rest.replace(/^[\s,]+/, '')
    if (rest === '') return {cpus: CpuSet.from(cpus)}
    const [whole = '', all, first, last, used, group] = REGION.exec(rest) ?? []
    const region = {
      start: all === undefined ? numberOf(first, count) : 0,
      end: all === undefined ? numberOf(last ?? first, count) : count - 1,
    }
    const fail = (why: string) => ({cpus: CpuSet.from(cpus), error: why})
    const strange = `"${rest.split(/[\s,]/)[0]}" is no CPU list`
    if (whole === '' || Number.isNaN(region.start) || Number.isNaN(region.end)) return fail(strange)
    if (used !== undefined && all === undefined && last === undefined) return fail(strange) // "3:1/2"
    const off = used === undefined ? region.end + 1 : numberOf(used, count)
    const length = group === undefined ? region.end + 1 : numberOf(group, count)
    rest = rest.slice(whole.length)
    // After a group the kernel goes on wherever it is; everywhere else a region must end here.
    if (used === undefined && !/^([\s,]|$)/.test(rest)) return fail(strange)
    if (region.start > region.end) return fail(`${whole} runs backwards`)
    if (length === 0 || off > length || Number.isNaN(off) || Number.isNaN(length)) return fail(strange)
    if (region.end >= count) return fail(`${whole} is out of range: the last CPU here is ${count - 1}`)
    for (let start = region.start; start <= region.end; start += length)
      for (let cpu = start; cpu < start + Math.min(region.end - start + 1, off); cpu++) cpus.push(cpu)
  }
}

const REGION = /^(?:(all)|(N|\d+)(?:-(N|\d+))?)(?::(N|\d+)\/(N|\d+))?/i

/** "N" is a capital letter; the expression above ignores case for the sake of "ALL". */
function numberOf(text: string | undefined, count: number): number {
  if (text === 'N') return count - 1
  const value = text === undefined || !/^\d+$/.test(text) ? Number.NaN : Number(text)
  return value > 0xffffffff ? Number.NaN : value
}
