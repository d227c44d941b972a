// SPDX-License-Identifier: MIT
import {CpuSet} from './cpuset.ts'

/**
 * bitmap_parselist() (lib/bitmap-str.c) over `count` CPUs: "N" is the last CPU, "all" is every CPU,
 * "a-b:u/g" selects the first u of every g. After an error, `cpus` holds the CPUs before it, as the
 * kernel's mask does. Pure.
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
    const strange = `"${rest.split(/[\s,]/)[0]}" is not a CPU list`
    if (whole === '' || Number.isNaN(region.start) || Number.isNaN(region.end)) return fail(strange)
    if (used !== undefined && all === undefined && last === undefined) return fail(strange) // "3:1/2"
    const off = used === undefined ? region.end + 1 : numberOf(used, count)
    const length = group === undefined ? region.end + 1 : numberOf(group, count)
    rest = rest.slice(whole.length)
    // After a group the kernel continues at any character; otherwise a region must end here.
    if (used === undefined && !/^([\s,]|$)/.test(rest)) return fail(strange)
    if (region.start > region.end) return fail(`${whole} runs backwards`)
    if (length === 0 || off > length || Number.isNaN(off) || Number.isNaN(length)) return fail(strange)
    if (region.end >= count) return fail(`${whole} is out of range: the last CPU here is ${count - 1}`)
    for (let start = region.start; start <= region.end; start += length)
      for (let cpu = start; cpu < start + Math.min(region.end - start + 1, off); cpu++) cpus.push(cpu)
  }
}

const REGION = /^(?:(all)|(N|\d+)(?:-(N|\d+))?)(?::(N|\d+)\/(N|\d+))?/i

/** "N" must be a capital letter; REGION ignores case because the kernel does so for "all". */
function numberOf(text: string | undefined, count: number): number {
  if (text === 'N') return count - 1
  const value = text === undefined || !/^\d+$/.test(text) ? Number.NaN : Number(text)
  return value > 0xffffffff ? Number.NaN : value
}
