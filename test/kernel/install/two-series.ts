// SPDX-License-Identifier: MIT
import {mkdir, mkdtemp, writeFile} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'

/** What isolctl needs from a kernel of each base. */
export const FRAGMENTS = {
  '6.12': 'CONFIG_OLD=y\n',
  '6.18': 'CONFIG_NEW=y\n# CONFIG_OLD is not set\n',
} as const

/** A folder like kernel-patches/ with a series for two bases. The caller removes it. */
export async function twoSeries(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'patches-'))
  for (const [version, fragment] of Object.entries(FRAGMENTS)) {
    await mkdir(join(folder, version, 'config'), {recursive: true})
    const base = {
      version,
      source: `linux-source-${version}`,
      testedWith: `${version}.9`,
      applies: `>=${version}.1 <${version}.1000`,
    }
    await writeFile(join(folder, version, 'base.json'), JSON.stringify(base))
    await writeFile(join(folder, version, 'series'), '')
    await writeFile(join(folder, version, 'config/isolation.config'), fragment)
  }
  return folder
}
