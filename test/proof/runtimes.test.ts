// SPDX-License-Identifier: MIT
/**
 * Programs of language runtimes under `launch --runtime-hints`, each with a worker that polls: the table
 * "Runtimes" of docs/launch.md. The programs are in runtimes/.
 */
import {existsSync} from 'node:fs'
import {mkdir} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {testKernel} from '../lab/kernel.ts'
import {launchGuest} from '../lab/launching.ts'
import {type Workshop, workshop} from '../launch/compile.ts'

let kernel: string
let shop: Workshop
beforeAll(async () => {
  await execa(process.execPath, ['scripts/build.ts'], {cwd: packageRoot})
  kernel = await testKernel()
  shop = await workshop()
  await mkdir(join(shop.folder, 'cache'))
  for (const [needs, command] of BUILDS)
    if (existsSync(needs))
      await execa('sh', ['-c', command], {
        cwd: join(packageRoot, 'test/proof/runtimes'),
        env: {O: shop.folder, CGO_ENABLED: '0', GOCACHE: join(shop.folder, 'cache')},
      })
}, 600_000)
afterAll(() => shop?.[Symbol.asyncDispose]())

const LIBOMP = '/usr/lib/x86_64-linux-gnu/libomp.so.5'

/** What compiles the programs into $O, and the file without which it is left out. */
const BUILDS = [
  ['/usr/bin/go', 'go build -o $O/spin-go spin.go'],
  ['/usr/bin/javac', 'javac -d $O Spin.java'],
  ['/usr/bin/gcc', 'gcc -O2 -fopenmp -o $O/spin-omp spin-omp.c'],
  ['/usr/bin/gfortran', 'gfortran -O2 -fopenmp -o $O/spin-omp-f spin-omp.f90'],
] as const

interface Row {
  readonly what: string
  /** A file without which the row is skipped. */
  readonly needs: string
  /** In front of the command: its environment. */
  readonly environment?: string
  readonly options: string
  /** $O is the folder of the compiled programs, $R that of the sources. */
  readonly command: string
  /** The threads that become isolated, and stay so until the program ends. */
  readonly isolated: number
  /** What is said of a program that does not. */
  readonly says?: string
}

const ROWS: readonly Row[] = [
  {
    what: 'Go, two locked goroutines',
    needs: '/usr/bin/go',
    options: '--cpus 2-3',
    command: '$O/spin-go 20 2',
    isolated: 2,
  },
  {
    what: 'Java',
    needs: '/usr/bin/javac',
    options: '--cpus 3 --enter settle=1s',
    command: 'java -cp $O Spin 60',
    isolated: 1,
  },
  {
    what: 'Node.js, a worker',
    needs: '/usr/bin/node',
    options: '--cpus 3 --enter settle=1s',
    command: '/usr/bin/node $R/spin.cjs 70',
    isolated: 1,
  },
  {
    what: 'Python, one thread',
    needs: '/usr/bin/python3',
    options: '--cpus 3',
    command: '/usr/bin/python3 $R/spin.py 20',
    isolated: 1,
  },
  {
    what: 'Python, and a thread that wakes up',
    needs: '/usr/bin/python3',
    options: '--cpus 3',
    command: '/usr/bin/python3 $R/spin.py 20 1',
    isolated: 0,
    says: 'no thread of /usr/bin/python3 was seen isolated',
  },
  {
    what: 'OpenMP, C, without barriers',
    needs: '/usr/bin/gcc',
    options: '--cpus 2-3',
    command: '$O/spin-omp 20 free',
    isolated: 2,
  },
  {
    what: 'OpenMP, C, with barriers of libgomp',
    needs: '/usr/bin/gcc',
    options: '--cpus 2-3',
    command: '$O/spin-omp 20',
    isolated: 0,
    says: 'makes system calls: futex (202)',
  },
  {
    what: 'OpenMP, C, with barriers of libomp',
    needs: LIBOMP,
    environment: `LD_PRELOAD=${LIBOMP}`,
    options: '--cpus 2-3',
    command: '$O/spin-omp 20',
    isolated: 2,
  },
  {
    what: 'OpenMP, Fortran, with barriers of libgomp',
    needs: '/usr/bin/gfortran',
    options: '--cpus 2-3',
    command: '$O/spin-omp-f 20',
    isolated: 0,
    says: 'makes system calls: futex (202)',
  },
]

describe('with --runtime-hints', () => {
  test.for(ROWS)('$what: $isolated isolated', {timeout: 400_000}, async (row, {skip}) => {
    skip(!existsSync(row.needs), `not installed: ${row.needs}`)
    const {text, stdout} = await launchGuest(
      `O=${shop.folder} R=test/proof/runtimes
      ${row.environment ?? ''} node bin/run.js launch ${row.options} --allow-guest --end-grace 20s --runtime-hints -- ${row.command} 2>&1
      echo "exit $?"; sleep 1`,
      {kernel, timeoutMs: 380_000},
    )
    const ends = text.match(/on CPU \d: isolated \d+\.\d+ s, .*$/gm) ?? []
    expect(ends, text).toHaveLength(row.isolated)
    for (const end of ends) expect(end, text).toMatch(/ 1 start, \d+ refusals?.*, 0 breaks.*, ended$/)
    if (row.says !== undefined) expect(text).toContain(row.says)
    expect(stdout, text).toContain('done')
    expect(stdout, text).toContain('exit 0')
  })
})
