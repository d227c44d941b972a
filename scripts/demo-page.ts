// SPDX-License-Identifier: MIT
/**
 * Run the demo and write its output to docs/demo.md, between the markers:
 *
 *   npm run demo:record
 *
 * If a claim of the demo does not hold, it fails and writes nothing.
 */
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {packageRoot} from '../src/lib/assets.ts'

const PAGE = join(packageRoot, 'docs/demo.md')
/** The page with another recording between its markers. Throws Error if it has no markers. Pure. */
export function withRecording(page: string, output: string): string {
  const [before, after] = [page.indexOf('<!-- demo -->'), page.indexOf('<!-- /demo -->')]
  if (before < 0 || after < before)
    throw new Error('docs/demo.md has no markers <!-- demo --> and <!-- /demo -->')
  return `${page.slice(0, before)}<!-- demo -->\n\`\`\`\n${output.trim()}\n\`\`\`\n${page.slice(after)}`
}

if (import.meta.main) {
  const kernel = process.env['ISOLCTL_LAB_KERNEL']
  const {stdout} = await execa(
    process.execPath,
    ['bin/run.js', 'lab', 'demo', ...(kernel ? ['--kernel', kernel] : [])],
    {cwd: packageRoot, env: {NO_COLOR: '1'}, stdin: 'ignore', stderr: 'inherit'},
  )
  await writeFile(PAGE, withRecording(await readFile(PAGE, 'utf8'), stdout))
}
