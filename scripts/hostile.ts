// SPDX-License-Identifier: MIT
/**
 * `npm run test:hostile [-- SEED]`: the tests that attack isolctl, with as many inputs as ten minutes
 * allow: test/hostile.test.ts, and a terminal that hangs up at each of 300 changes. Prints the seed,
 * which repeats a failure, and how much of each kind was tried. The files run one after the other:
 * each has its share of the time (test/support/hostile.ts), whatever else the machine does.
 */
import {execa} from 'execa'

const LIMIT_MS = 600_000
/** For the attacks. The rest is for starting, and for inputs that take longer than they should. */
const ATTACK_MS = 420_000
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
    '--no-file-parallelism',
    // A line for each test as soon as it has ended: a run that is stopped must not keep failures.
    '--reporter=verbose',
  ],
  {
    stdio: 'inherit',
    reject: false,
    preferLocal: true,
    env: {HOSTILE: seed, HOSTILE_MS: `${ATTACK_MS}`},
    timeout: LIMIT_MS,
  },
)
if (timedOut) process.stdout.write('stopped after ten minutes: not everything was tried\n')
process.exitCode = timedOut ? 1 : (exitCode ?? 1)
