// SPDX-License-Identifier: MIT
import type {KernelConfig} from './config-file.ts'

export interface AdaptOptions {
  /** isolation.config of the series: what isolctl needs. */
  readonly fragment: KernelConfig
  readonly debugInfo: boolean
  /** Whether a file that the configuration names exists. The path is absolute or below the tree. */
  readonly exists: (path: string) => boolean
}

export interface Adapted {
  /** The changes to the base configuration. */
  readonly set: KernelConfig
  /** What must hold after olddefconfig. */
  readonly required: KernelConfig
  /** Whether modules are signed with our key, at `SIGNING_KEY`. */
  readonly ownKey: boolean
  /** What the user should know before the build. */
  readonly notes: readonly string[]
}

/** Below the objects, where kbuild looks first (certs/Makefile, scripts/Makefile.modinst). */
export const SIGNING_KEY = 'certs/isolctl.pem'

const on = (config: KernelConfig, symbol: string) => config.get(symbol) === 'y'
const named = (config: KernelConfig, symbol: string) => config.get(symbol)?.replaceAll('"', '') ?? ''

/**
 * The changes that make a distribution's configuration one that builds on this machine and has what
 * isolctl needs. Pure.
 */
export function adaptConfig(base: KernelConfig, {fragment, debugInfo, exists}: AdaptOptions): Adapted {
  const notes: string[] = []
  const set = new Map<string, string>()
  const required = new Map(fragment)

  // The certificates of the distribution are not in its source package.
  for (const symbol of ['SYSTEM_TRUSTED_KEYS', 'SYSTEM_REVOCATION_KEYS']) {
    const file = named(base, symbol)
    if (file === '' || exists(file)) continue
    set.set(symbol, '""')
    notes.push(`${file} does not exist: the kernel will not trust the keys of ${symbol}`)
  }
  const key = named(base, 'MODULE_SIG_KEY')
  const ownKey = on(base, 'MODULE_SIG') && !(key !== 'certs/signing_key.pem' && key !== '' && exists(key))
  if (ownKey) {
    set.set('MODULE_SIG_KEY', `"${SIGNING_KEY}"`)
    notes.push('modules are signed with a key of this machine: modules of the distribution do not load')
  }
  // Debian and Ubuntu look up the SHA-256 of each module in a list of revoked modules. Their patch
  // (kernel/module/signing.c) selects no hash: without SHA-256, every signed module is refused with
  // ENOENT, and nothing is logged.
  if (on(base, 'MODULE_SIG')) required.set('CRYPTO_SHA256', 'y')

  const hasDebug = on(base, 'DEBUG_INFO')
  if (hasDebug && !debugInfo) {
    for (const symbol of DEBUG_INFO) set.set(symbol, 'n')
    set.set('DEBUG_INFO_NONE', 'y')
    required.set('DEBUG_INFO', 'n')
    if (on(base, 'DEBUG_INFO_BTF'))
      notes.push('no debug information, and no BTF: programs like bpftrace need --debug-info')
  }
  if (hasDebug && debugInfo && on(base, 'DEBUG_INFO_BTF')) required.set('DEBUG_INFO_BTF', 'y')
  if (debugInfo && !hasDebug) notes.push('the base configuration has no debug information to keep')

  return {set: new Map([...set, ...required]), required, ownKey, notes}
}

/** lib/Kconfig.debug: the choice, the symbols that it sets, and those that depend on it. */
const DEBUG_INFO = [
  'DEBUG_INFO',
  'DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT',
  'DEBUG_INFO_DWARF4',
  'DEBUG_INFO_DWARF5',
  'DEBUG_INFO_BTF',
  'GDB_SCRIPTS',
]

/**
 * The symbols that are on in the base configuration and off in the kernel's, without those of
 * `set`. Pure.
 */
export function droppedSymbols(
  base: KernelConfig,
  set: KernelConfig,
  final: KernelConfig,
): readonly string[] {
  const isOn = (value: string | undefined) => value === 'y' || value === 'm'
  return [...base]
    .filter(([symbol, value]) => isOn(value) && !isOn(final.get(symbol)) && !set.has(symbol))
    .map(([symbol]) => symbol)
    .filter((symbol) => !/^DEBUG_INFO|_BTF$|BTF_MODULES$/.test(symbol))
    .sort()
}
