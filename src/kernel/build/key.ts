// SPDX-License-Identifier: MIT
import {sha256} from '../sha256.ts'

/**
 * The number of the way in which kernels are built. Increase it if the same input gives another
 * kernel.
 */
export const RECIPE = 2

/**
 * Everything that decides what a kernel is. Builds with the same ingredients are the same kernel,
 * and are found in the cache.
 */
export interface Ingredients {
  /** The sha256 of the source. */
  readonly source: string
  /** The sha256 of the series. */
  readonly series: string
  /** The base configuration and the changes to it, in order. */
  readonly config: Iterable<readonly [symbol: string, value: string]>
  /** The modules that are kept, as lsmod(8) prints them; "" for all. */
  readonly modules: string
  readonly format: 'deb' | 'rpm' | 'bzImage'
  /** The first line of `gcc --version`. */
  readonly compiler: string
}

/** The name of a build: 32 hexadecimal digits. Pure. */
export function keyOf({source, series, config, modules, format, compiler}: Ingredients): string {
  // The order of the fields is a part of the key.
  const ingredients = {recipe: RECIPE, source, series, config: [...config], modules, format, compiler}
  return sha256(JSON.stringify(ingredients)).slice(0, 32)
}
