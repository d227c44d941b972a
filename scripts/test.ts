// SPDX-License-Identifier: MIT
/**
 * Everything that a change has to pass: types, lint, build, unit tests, and then the lab. With --ci
 * also the trial of a kernel in virtual machines with a complete Debian, which needs a host with
 * Debian's packages.
 */
import {mkdtemp, readFile, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {parseArgs} from 'node:util'
import {execa} from 'execa'

interface Tally {
  passed: number
  failed: number
  skipped: number
}

const {values} = parseArgs({options: {ci: {type: 'boolean', default: false}}})
const scratch = await mkdtemp(join(tmpdir(), 'isolctl-test-'))
const total: Tally = {passed: 0, failed: 0, skipped: 0}

try {
  for (const script of ['typecheck', 'lint', 'build']) await step(script)
  for (const project of ['unit', 'system', 'lab']) await tests(project)
  await step('kernel:bisect', '--final')
  if (values.ci) await tests('vm', 'test/vm/trial.test.ts')
} finally {
  await rm(scratch, {recursive: true, force: true})
}
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
process.exitCode = total.failed === 0 ? 0 : 1

/** A step that passes or fails as a whole. */
async function step(script: string, ...options: readonly string[]): Promise<void> {
  const {failed} = await execa('npm', ['run', '--silent', script, '--', ...options], {
    stdio: 'inherit',
    reject: false,
  })
  if (failed) process.stderr.write(`error: npm run ${script} failed\n`)
  total[failed ? 'failed' : 'passed']++
}

/** A vitest project, counted test by test. A run that ends without a report counts as a failure. */
async function tests(project: string, ...files: readonly string[]): Promise<void> {
  const report = join(scratch, `${project}.json`)
  const {failed} = await execa(
    'vitest',
    [
      'run',
      ...files,
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    {stdio: 'inherit', reject: false, preferLocal: true},
  )
  const text = await readFile(report, 'utf8').catch(() => undefined)
  const counts =
    text === undefined
      ? undefined
      : (JSON.parse(text) as {numPassedTests: number; numFailedTests: number; numPendingTests: number})
  total.passed += counts?.numPassedTests ?? 0
  total.skipped += counts?.numPendingTests ?? 0
  // A suite that cannot be loaded has no failed test, but vitest exits with a failure.
  total.failed += counts?.numFailedTests || Number(failed)
}
