// SPDX-License-Identifier: MIT
import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {packageRoot} from '../src/lib/assets.ts'
import {configPage} from '../src/report/config-page.ts'
import {exitCodesPage} from '../src/report/exit-codes.ts'
import {checksPage} from '../src/report/explain.ts'
import {stepsPage} from '../src/report/steps-page.ts'
import {configJsonSchema} from '../src/schema/config.ts'
import {PUBLISHED} from '../src/schema/published.ts'
import {activityFacts, enduranceDocument, launchPage} from './activities.ts'
import {floorRules} from './floors.ts'
import {breakWords} from './native.ts'

/** Generated pages, and the functions that write them. `--check` only names the stale pages. */
export const PAGES: Readonly<Record<string, () => string>> = {
  'docs/checks.md': checksPage,
  'docs/config.md': configPage,
  'docs/config.schema.json': configJsonSchema,
  'docs/endurance.md': enduranceDocument,
  'docs/exit-codes.md': exitCodesPage,
  'docs/launch.md': launchPage,
  'docs/steps.md': stepsPage,
  'floors.json': floorRules,
  'src/model/activities.json': activityFacts,
  'src/model/break-words.json': breakWords,
  ...PUBLISHED,
}

export async function stalePages(): Promise<readonly string[]> {
  const stale: string[] = []
  for (const [page, write] of Object.entries(PAGES)) {
    const text = await readFile(join(packageRoot, page), 'utf8').catch(() => undefined)
    if (text !== write()) stale.push(page)
  }
  return stale
}

if (import.meta.main) {
  const stale = await stalePages()
  if (process.argv.includes('--check')) {
    for (const page of stale) process.stdout.write(`${page} is stale: npm run docs\n`)
    process.exitCode = stale.length > 0 ? 1 : 0
  } else {
    await mkdir(join(packageRoot, 'docs/schema'), {recursive: true})
    for (const page of stale) await writeFile(join(packageRoot, page), PAGES[page]?.() ?? '')
  }
}
