// SPDX-License-Identifier: MIT

/** The largest number of CPUs that a Linux kernel can be built for (arch/x86/Kconfig: NR_CPUS). */
const CPU_LIMIT = 8192

/**
 * An immutable set of CPU numbers. Its text form is the kernel's cpulist: "0-3,8"
 * (lib/bitmap-str.c).
 */
export class CpuSet {
  static readonly empty = new CpuSet([])
  /** Ascending, without repeats. */
  readonly #cpus: readonly number[]
  readonly #members: ReadonlySet<number>

  private constructor(cpus: Iterable<number>) {
    this.#members = new Set(cpus)
    this.#cpus = [...this.#members].sort((a, b) => a - b)
  }

  static of(...cpus: number[]): CpuSet {
    return new CpuSet(cpus)
  }

  static from(cpus: Iterable<number>): CpuSet {
    return new CpuSet(cpus)
  }

  /** Parse a cpulist, including strides ("0-31:2/8"). Throws RangeError. */
  static parse(text: string): CpuSet {
    const bad = (why = '') => new RangeError(`not a cpulist: "${text.trim()}"${why}`)
    const cpus: number[] = []
    for (const part of text.trim().split(',')) {
      if (part === '') continue
      const match = /^(\d+)(?:-(\d+)(?::(\d+)\/(\d+))?)?$/.exec(part.trim())
      if (!match) throw bad()
      const [low, high] = [Number(match[1]), Number(match[2] ?? match[1])]
      const [used, group] = [Number(match[3] ?? 1), Number(match[4] ?? 1)]
      if (high < low) throw bad(`: ${part} runs backwards`)
      if (group === 0 || used > group) throw bad()
      if (high >= CPU_LIMIT) throw bad(`: the highest CPU number is ${CPU_LIMIT - 1}`)
      for (let base = low; base <= high; base += group) {
        for (let cpu = base; cpu < base + used && cpu <= high; cpu++) cpus.push(cpu)
      }
    }
    return new CpuSet(cpus)
  }

  /**
   * Parse a cpulist that the kernel printed: no empty part, as in the first half of "2-3,6-7", and
   * no stride. Throws RangeError.
   */
  static printed(text: string): CpuSet {
    if (!/^(\d+(-\d+)?(,\d+(-\d+)?)*)?$/.test(text.trim()))
      throw new RangeError(`not a cpulist: "${text.trim()}"`)
    return CpuSet.parse(text)
  }

  /**
   * Parse the kernel's hex cpumask, most significant 32-bit group first: "ff,ffffffff". A group after
   * a comma that is shorter was cut. Throws RangeError.
   */
  static fromMask(text: string): CpuSet {
    const digits = text.trim().replaceAll(',', '')
    const whole = /^([0-9a-f]+|[0-9a-f]{1,8}(,[0-9a-f]{8})+)$/i.test(text.trim())
    if (!whole || digits.length * 4 > CPU_LIMIT) throw new RangeError(`not a cpumask: "${text.trim()}"`)
    const cpus: number[] = []
    for (let cpu = 0, rest = BigInt(`0x${digits}`); rest > 0n; cpu++, rest >>= 1n)
      if (rest & 1n) cpus.push(cpu)
    return new CpuSet(cpus)
  }

  /**
   * Parse a hex cpumask that a person wrote: each group of 32 bits may be short, as in "3,0" for
   * CPUs 32 and 33 (lib/bitmap-str.c: bitmap_parse). Throws RangeError.
   */
  static fromWrittenMask(text: string): CpuSet {
    const [first = '', ...groups] = text.trim().split(',')
    if (groups.some((group) => !/^[0-9a-f]{1,8}$/i.test(group)))
      throw new RangeError(`not a cpumask: "${text.trim()}"`)
    return CpuSet.fromMask([first, ...groups.map((group) => group.padStart(8, '0'))].join(','))
  }

  get size(): number {
    return this.#cpus.length
  }

  get isEmpty(): boolean {
    return this.#cpus.length === 0
  }

  has(cpu: number): boolean {
    return this.#members.has(cpu)
  }

  union(other: CpuSet): CpuSet {
    return new CpuSet([...this.#cpus, ...other])
  }

  intersect(other: CpuSet): CpuSet {
    return new CpuSet(this.#cpus.filter((cpu) => other.has(cpu)))
  }

  minus(other: CpuSet): CpuSet {
    return new CpuSet(this.#cpus.filter((cpu) => !other.has(cpu)))
  }

  isSubsetOf(other: CpuSet): boolean {
    return this.#cpus.every((cpu) => other.has(cpu))
  }

  isDisjointFrom(other: CpuSet): boolean {
    return !this.#cpus.some((cpu) => other.has(cpu))
  }

  equals(other: CpuSet): boolean {
    return this.size === other.size && this.isSubsetOf(other)
  }

  [Symbol.iterator](): Iterator<number> {
    return this.#cpus[Symbol.iterator]()
  }

  /**
   * The kernel's hex cpumask in 32-bit groups, as sysfs mask files take it. At least as wide as the
   * mask `like`.
   */
  toMask(like = ''): string {
    let bits = 0n
    for (const cpu of this.#cpus) bits |= 1n << BigInt(cpu)
    const digits = bits.toString(16).padStart(like.trim().replaceAll(',', '').length, '0')
    const groups: string[] = []
    for (let end = digits.length; end > 0; end -= 8) groups.unshift(digits.slice(Math.max(0, end - 8), end))
    return groups.join(',')
  }

  toJSON(): string {
    return this.toString()
  }

  toString(): string {
    const runs: {low: number; high: number}[] = []
    for (const cpu of this.#cpus) {
      const last = runs.at(-1)
      if (last?.high === cpu - 1) last.high = cpu
      else runs.push({low: cpu, high: cpu})
    }
    return runs.map(({low, high}) => (low === high ? `${low}` : `${low}-${high}`)).join(',')
  }
}
