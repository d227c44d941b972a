// SPDX-License-Identifier: MIT
/**
 * Run the demo and write what it prints into docs/demo.md, between the markers:
 *
 *   npm run demo:record
 *
 * Checks that passed or were skipped are folded to "...". Fails, and writes nothing, when a claim of the demo does not hold.
 */
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {packageRoot} from '../src/lib/assets.ts'

const PAGE = join(packageRoot, 'docs/demo.md')
/** The check that is the proof: shown although it passes. */
const PROOF = 'tick-stopped-under-load'

/** What the demo printed, with the checks of preflight that passed or were skipped folded to one line a run. Pure. */
export function fold(output: string): string {
  const folded: string[] = []
  let judging = false
  let hidden = false
  for (const line of output.split('\n')) {
    if (/^\$ /.test(line)) judging = line.startsWith('$ isolctl preflight')
    // A check is a line indented by two, its details are indented further.
    if (!/^ {3}/.test(line)) hidden = judging && /^ {2}[✔–] /.test(line) && !line.includes(PROOF)
    if (!hidden) folded.push(line)
    else if (folded.at(-1) !== '  ...') folded.push('  ...')
  }
  return folded.join('\n')
}

/** The page with another recording between its markers. Throws where it has none. Pure. */
export function withRecording(page: string, output: string): string {
  const [before, after] = [page.indexOf('<!-- demo -->'), page.indexOf('<!-- /demo -->')]
  if (before < 0 || after < before)
    throw new Error('docs/demo.md has no markers <!-- demo --> and <!-- /demo -->')
  return `${page.slice(0, before)}<!-- demo -->\n\`\`\`\n${fold(output).trim()}\n\`\`\`\n${page.slice(after)}`
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
