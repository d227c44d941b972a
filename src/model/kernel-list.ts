// SPDX-License-Identifier: MIT
import {CpuSet} from './cpuset.ts'

/** What a kernel accepts in a CPU list, which differs between versions. */
export interface ListRules {
  /** Read region by region, where blanks separate as commas do. */
  readonly listByRegion: boolean
  /** "N" is the last CPU. */
  readonly lastCpuByName: boolean
  /** "all" is every CPU. */
  readonly allCpusByName: boolean
}

const NEWEST: ListRules = {listByRegion: true, lastCpuByName: true, allCpusByName: true}

/** The CPUs of a list. After an error, those before it, as in the mask of the kernel. */
export interface KernelList {
  readonly cpus: CpuSet
  readonly error?: string
}

/**
 * bitmap_parselist() (lib/bitmap-str.c, before 6.4 lib/bitmap.c) over `count` CPUs: "N" is the last
 * CPU, "all" is every CPU, "a-b:u/g" selects the first u of every g. Pure.
 */
export function parseKernelList(text: string, count: number, rules: ListRules = NEWEST): KernelList {
  const line = text.split('\n')[0] ?? ''
  return rules.listByRegion ? regionList(line, count, rules) : characterList(line, count)
}

function regionList(line: string, count: number, rules: ListRules): KernelList {
  const cpus: number[] = []
  let rest = line
  for (;;) {
    rest = rest.replace(/^[ \t\v\f\r,]+/, '')
    if (rest === '') return {cpus: CpuSet.from(cpus)}
    const [whole = '', all, first, last, used, group] = REGION.exec(rest) ?? []
    const region = {
      start: all === undefined ? numberOf(first, count) : 0,
      end: all === undefined ? numberOf(last ?? first, count) : count - 1,
    }
    const fail = (why: string) => ({cpus: CpuSet.from(cpus), error: why})
    const strange = `"${firstOf(rest)}" is not a CPU list`
    const since = newerThan(whole, rules)
    if (since !== undefined) return fail(`"${firstOf(rest)}" is not a CPU list for a kernel before ${since}`)
    if (whole === '' || Number.isNaN(region.start) || Number.isNaN(region.end)) return fail(strange)
    if (used !== undefined && all === undefined && last === undefined) return fail(strange) // "3:1/2"
    const off = used === undefined ? region.end + 1 : numberOf(used, count)
    const length = group === undefined ? region.end + 1 : numberOf(group, count)
    rest = rest.slice(whole.length)
    // After a group the kernel continues at any character; otherwise a region must end here.
    if (used === undefined && !/^([ \t\v\f\r,]|$)/.test(rest)) return fail(strange)
    if (region.start > region.end) return fail(`${whole} runs backwards`)
    if (length === 0 || off > length || Number.isNaN(off) || Number.isNaN(length)) return fail(strange)
    if (region.end >= count) return fail(outOfRange(whole, count))
    cpus.push(...grouped(region, off, length))
  }
}

const REGION = /^(?:(all)|(N|\d+)(?:-(N|\d+))?)(?::(N|\d+)\/(N|\d+))?/i

/** The version from which a kernel reads the names in this region, if it does not read them. */
function newerThan(region: string, {lastCpuByName, allCpusByName}: ListRules): string | undefined {
  if (/^all/i.test(region) && !allCpusByName) return '5.14'
  return region.includes('N') && !lastCpuByName ? '5.13' : undefined
}

/** "N" must be a capital letter; REGION ignores case because the kernel does so for "all". */
function numberOf(text: string | undefined, count: number): number {
  if (text === 'N') return count - 1
  const value = text === undefined || !/^\d+$/.test(text) ? Number.NaN : Number(text)
  return value > 0xffffffff ? Number.NaN : value
}

/**
 * __bitmap_parselist() before 5.2, which reads character by character: blanks are only allowed
 * around a number, and a number that does not fit 32 bits wraps around.
 */
function characterList(line: string, count: number): KernelList {
  const cpus: number[] = []
  const fail = (why: string) => ({cpus: CpuSet.from(cpus), error: why})
  let digits = 0
  let before = ''
  let used = 0 // the kernel keeps it from one region to the next
  for (const item of line.split(',')) {
    const strange = `"${item.trim()}" is not a CPU list for a kernel before 5.2`
    let [a, b, outer] = [0, 0, [0, 0]]
    let [atStart, inRange, inGroup] = [true, false, false]
    const digitsBefore = digits
    for (const char of item) {
      const previous = before
      before = char
      if (isBlank(char)) continue
      if (digits !== digitsBefore && isBlank(previous)) return fail(strange)
      if (char === '/' || char === ':') {
        if (char === '/') used = a
        else [outer, inGroup] = [[a, b], true]
        ;[a, b, atStart, inRange] = [0, 0, true, false]
      } else if (char === '-') {
        if (atStart || inRange) return fail(strange)
        ;[b, atStart, inRange] = [0, true, true]
      } else if (/^\d$/.test(char)) {
        b = (Math.imul(b, 10) + Number(char)) >>> 0
        if (!inRange) a = b
        atStart = false
        digits++
      } else return fail(strange)
    }
    before = ','
    if (digits === digitsBefore) continue
    const [start, end] = inGroup ? outer : [a, b]
    const group = inGroup ? a : (b - a + 1) >>> 0
    if (start === undefined || end === undefined) return fail(strange)
    if (atStart && inRange) return fail(strange)
    if (start > end) return fail(`${item.trim()} runs backwards`)
    if (!inGroup) used = group
    if (group === 0 || used > group) return fail(strange)
    if (end >= count) return fail(outOfRange(item.trim(), count))
    cpus.push(...grouped({start, end}, used, group))
  }
  return {cpus: CpuSet.from(cpus)}
}

const isBlank = (char: string) => /^[ \t\v\f\r]$/.test(char)
const firstOf = (rest: string) => rest.split(/[ \t\v\f\r,]/)[0]
const outOfRange = (whole: string, count: number) =>
  `${whole} is out of range: the last CPU here is ${count - 1}`

function* grouped(region: {start: number; end: number}, used: number, group: number): Generator<number> {
  for (let start = region.start; start <= region.end; start += group)
    for (let cpu = start; cpu < start + Math.min(region.end - start + 1, used); cpu++) yield cpu
}
