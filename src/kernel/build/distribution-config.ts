// SPDX-License-Identifier: MIT
import type {KernelConfig} from './config-file.ts'

export interface AdaptOptions {
  /** What isolctl needs: isolation.config. */
  readonly fragment: KernelConfig
  readonly debugInfo: boolean
  /** Whether a file that the configuration names exists: absolute, or below the tree. */
  readonly exists: (path: string) => boolean
}

export interface Adapted {
  /** What is changed in the base configuration. */
  readonly set: KernelConfig
  /** What has to be so after olddefconfig. */
  readonly required: KernelConfig
  /** Modules are signed with a key of ours, to be put where `SIGNING_KEY` says. */
  readonly ownKey: boolean
  /** What the user should know. */
  readonly notes: readonly string[]
}

/** Below the objects; kbuild looks there first (certs/Makefile, scripts/Makefile.modinst). */
export const SIGNING_KEY = 'certs/isolctl.pem'

const on = (config: KernelConfig, symbol: string) => config.get(symbol) === 'y'
const named = (config: KernelConfig, symbol: string) => config.get(symbol)?.replaceAll('"', '') ?? ''

/** Make a distribution's configuration one that we can build here, and that has what we need. Pure. */
export function adapt(base: KernelConfig, {fragment, debugInfo, exists}: AdaptOptions): Adapted {
  const notes: string[] = []
  const set = new Map<string, string>()
  const required = new Map(fragment)

  // Certificates of the distribution's own archive, which its source package does not have.
  for (const symbol of ['SYSTEM_TRUSTED_KEYS', 'SYSTEM_REVOCATION_KEYS']) {
    const file = named(base, symbol)
    if (file === '' || exists(file)) continue
    set.set(symbol, '""')
    notes.push(`${file} is not there: the kernel will not trust the keys of ${symbol}`)
  }
  const key = named(base, 'MODULE_SIG_KEY')
  const ownKey = on(base, 'MODULE_SIG') && !(key !== 'certs/signing_key.pem' && key !== '' && exists(key))
  if (ownKey) {
    set.set('MODULE_SIG_KEY', `"${SIGNING_KEY}"`)
    notes.push('modules are signed with a key of this machine: those of the distribution do not load')
  }
  // Debian and Ubuntu look up each module in a list of revoked ones, by its SHA-256 whatever it is signed with, and
  // select nothing: without it no signed module loads, ENOENT without a word (their kernel/module/signing.c).
  if (on(base, 'MODULE_SIG')) required.set('CRYPTO_SHA256', 'y')

  const hasDebug = on(base, 'DEBUG_INFO')
  if (hasDebug && !debugInfo) {
    for (const symbol of DEBUG_INFO) set.set(symbol, 'n')
    set.set('DEBUG_INFO_NONE', 'y')
    required.set('DEBUG_INFO', 'n')
    if (on(base, 'DEBUG_INFO_BTF'))
      notes.push('no debug information, and so no BTF: programs like bpftrace need --debug-info')
  }
  if (hasDebug && debugInfo && on(base, 'DEBUG_INFO_BTF')) required.set('DEBUG_INFO_BTF', 'y')
  if (debugInfo && !hasDebug) notes.push('the configuration has no debug information that could be kept')

  return {set: new Map([...set, ...required]), required, ownKey, notes}
}

/** lib/Kconfig.debug: the choice, what it sets, and what needs it. */
const DEBUG_INFO = [
  'DEBUG_INFO',
  'DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT',
  'DEBUG_INFO_DWARF4',
  'DEBUG_INFO_DWARF5',
  'DEBUG_INFO_BTF',
  'GDB_SCRIPTS',
]

/** What was on in the base configuration, and is not in the kernel's; without what we turned off ourselves. Pure. */
export function dropped(base: KernelConfig, set: KernelConfig, final: KernelConfig): readonly string[] {
  const isOn = (value: string | undefined) => value === 'y' || value === 'm'
  return [...base]
    .filter(([symbol, value]) => isOn(value) && !isOn(final.get(symbol)) && !set.has(symbol))
    .map(([symbol]) => symbol)
    .filter((symbol) => !/^DEBUG_INFO|_BTF$|BTF_MODULES$/.test(symbol))
    .sort()
}
