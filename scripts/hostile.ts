// SPDX-License-Identifier: MIT
/**
 * `npm run test:hostile [-- SEED]`: the tests that attack isolctl, with as many inputs as ten minutes
 * allow: test/hostile.test.ts, and a terminal that hangs up at each of 300 changes. Prints the seed,
 * which repeats a failure.
 */
import {execa} from 'execa'

const LIMIT_MS = 600_000
const seed = process.argv[2] ?? `${Date.now() % 2 ** 31}`
process.stdout.write(`seed ${seed}\n`)
const {exitCode, timedOut} = await execa(
  'vitest',
  [
    'run',
    '--project',
    'unit',
    '--project',
    'system',
    'test/hostile.test.ts',
    'test/plan/hang-up.system.test.ts',
    // A line for each test as soon as it has ended: a run that is stopped must not keep failures.
    '--reporter=verbose',
  ],
  {stdio: 'inherit', reject: false, preferLocal: true, env: {HOSTILE: seed}, timeout: LIMIT_MS},
)
if (timedOut) process.stdout.write('stopped after ten minutes: not everything was tried\n')
process.exitCode = timedOut ? 1 : (exitCode ?? 1)
