// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, describe, expect, it, test, vi} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {type Workshop, workshop} from './compile.ts'

vi.setConfig({testTimeout: 30_000, hookTimeout: 30_000}) // compilers and Node.js, on busy machines

let shop: Workshop
beforeAll(async () => {
  shop = await workshop()
})
afterAll(() => shop[Symbol.asyncDispose]())

const strict = ['-O2', '-Wall', '-Wextra', '-Wpedantic', '-Werror', '-Inative/include']
/** Every file that includes the header must compile, also one that uses none of it. */
const program = `#include "isolctl.h"
int main(void)
{
	struct isolctl_status status;
	int result = isolctl_enter(ISOLCTL_SIGNAL(10));
	const char *words = isolctl_why(result);
	result += isolctl_watch_breaks(isolctl_launch_signal()) + isolctl_was_lost();
	return result + isolctl_bind(1) + isolctl_housekeep() + isolctl_leave() + isolctl_status(&status) + !words +
	       !isolctl_cause_name(status.last_cause) + !isolctl_eagain_name(status.last_eagain);
}
`

describe('isolctl.h', () => {
  test.for([
    ['C11', 'gcc', ['-std=c11', '-x', 'c'], program],
    ['GNU C17', 'gcc', ['-std=gnu17', '-x', 'c'], program],
    ['C++17', 'g++', ['-std=c++17', '-x', 'c++'], program],
    ['C11, unused', 'gcc', ['-std=c11', '-x', 'c'], '#include "isolctl.h"\nint main(void) { return 0; }\n'],
    ['C++17, unused', 'g++', ['-std=c++17', '-x', 'c++'], '#include "isolctl.h"\nint main() {}\n'],
  ] as const)('compiles as %s without a warning', async ([, compiler, language, input], {skip}) => {
    const known = await execa(compiler, ['--version'], {reject: false})
    skip(known.exitCode !== 0, `${compiler} is not installed`)
    const out = join(shop.folder, 'header')
    const {stderr} = await execa(compiler, [...strict, ...language, '-o', out, '-'], {
      cwd: packageRoot,
      input,
    })
    expect(stderr).toBe('')
  })

  it('reports a loss of isolation once to a loop, and to each thread separately', async () => {
    const harness = `#include "isolctl.h"
#include <pthread.h>
#include <stdio.h>
static void *other(void *unused) { printf("other %d\\n", isolctl_was_lost()); return unused; }
int main(void)
{
	pthread_t thread;
	isolctl_watch_breaks(isolctl_launch_signal());
	printf("before %d\\n", isolctl_was_lost());
	raise(SIGUSR2);
	pthread_create(&thread, NULL, other, NULL);
	pthread_join(thread, NULL);
	printf("after %d", isolctl_was_lost());
	printf(" %d\\n", isolctl_was_lost());
	return 0;
}
`
    const out = join(shop.folder, 'lost')
    await execa('gcc', [...strict, '-pthread', '-x', 'c', '-o', out, '-'], {cwd: packageRoot, input: harness})
    const {stdout} = await execa(out, [], {env: {ISOLCTL_FLAGS: '0xc01'}})
    expect(stdout).toBe('before 0\nother 0\nafter 1 0')
    expect(await execa(out, [], {env: {ISOLCTL_FLAGS: '0x1'}, reject: false})).toMatchObject({
      signal: 'SIGUSR2',
    })
  })

  it('binds workers to the launch CPUs in ascending order, and refuses one more', async () => {
    const harness = `#include "isolctl.h"
#include <stdio.h>
int main(void)
{
	struct isolctl_cpus cpus = isolctl_parse_cpus(getenv("ISOLCTL_CPUS"));
	for (unsigned cpu = 0; cpu < 16; cpu++)
		putchar('0' + isolctl_has_cpu(&cpus, cpu));
	printf(" %d\\n", isolctl_bind(2));
	return 0;
}
`
    const out = join(shop.folder, 'bind')
    await execa('gcc', [...strict, '-x', 'c', '-o', out, '-'], {cwd: packageRoot, input: harness})
    const bits = async (list: string) => (await execa(out, [], {env: {ISOLCTL_CPUS: list}})).stdout
    expect(await bits('2-3')).toBe('0011000000000000 -7')
    expect(await bits('1,5-6')).toMatch(/^0100011000000000/)
    for (const broken of ['', '3-2', '2-', 'x', '2;3', '1-99999'])
      expect(await bits(broken)).toBe('0000000000000000 -7')
  })

  it('reports on a stock kernel that there is no isolation, or continues when allowed', async ({skip}) => {
    const poller = await shop.build('samples/poller')
    const bare = await execa(poller, ['0.2'], {reject: false, env: {ISOLCTL_FLAGS: '0x1'}})
    skip(!bare.stderr.includes('no task isolation'), 'this kernel has task isolation')
    expect(bare).toMatchObject({
      exitCode: 1,
      stdout: '',
      stderr: expect.stringMatching(/^poller: this kernel has no/),
    })
    const soft = await execa(poller, ['0.2'], {env: {ISOLCTL_SOFT: '1', ISOLCTL_HOUSEKEEPING: '0'}})
    expect(soft.stdout).toMatch(/^poller: 0\.2\d\d s, \d+ polls, \d+ packets, 0 missing; not isolated$/)
  })
})
