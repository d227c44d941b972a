// SPDX-License-Identifier: MIT
/**
 * From source to a promoted kernel and back: the kernel is built on this machine, and tried and
 * installed in a real Debian with isolated CPUs.
 */
import {readdir, readFile, writeFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import {execa} from 'execa'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {packageRoot} from '../../src/lib/assets.ts'
import {KernelListSchema} from '../../src/schema/kernel-list.ts'
import {testKernel} from '../lab/kernel.ts'
import {startVm} from './support/machine.ts'
import {CPUS, LOADERS, openWorkshop, settled, WORDS, type Workshop} from './support/workshop.ts'

const FRAGMENT = join(import.meta.dirname, 'support/kernel.config')

let workshop: Workshop
/** `uname -r` of the built kernel. */
let ours: string

beforeAll(async () => {
  workshop = await openWorkshop(async (folder) => {
    const kconfig = join(folder, 'kernel.config')
    const lab = await readFile(join(dirname(await testKernel()), 'config'), 'utf8')
    await writeFile(kconfig, `${lab}${await readFile(FRAGMENT, 'utf8')}`)
    // As a user does it; an existing build is used again.
    const {stdout} = await execa(
      process.execPath,
      [join(packageRoot, 'bin/run.js'), 'kernel', 'build', '--kconfig', kconfig, '--format', 'deb', '--json'],
      {stderr: 'inherit'},
    )
    const built = JSON.parse(stdout) as {folder: string; release: string}
    ours = built.release
    const files = await readdir(built.folder)
    return Object.fromEntries(files.map((name) => [`built/${name}`, join(built.folder, name)]))
  })
}, 7_200_000)
afterAll(() => workshop?.close())

test.for(LOADERS)(
  '%s: a kernel is built, tried, judged by preflight, promoted, verified and rolled back',
  async (loader) => {
    await using vm = await startVm({...(await workshop.machine(loader)), cpus: CPUS})
    const {release: stock} = await vm.ready()
    await settled(vm)
    await vm.must(`mkdir -p /etc/isolctl && echo 'isolated: "2"' >/etc/isolctl/config.yaml`)
    expect(await vm.sh('isolctl apply --yes --persist --quiet')).toMatchObject({exitCode: 11})
    await vm.must('isolctl kernel install /opt/isolctl/built --quiet')

    expect((await vm.reboot()).release).toBe(ours)
    await settled(vm)
    const {kernels} = KernelListSchema.parse(JSON.parse(await vm.must('isolctl kernel list --json')))
    expect(
      kernels.find(({release}) => release === ours),
      await vm.must('journalctl -b -u isolctl-trial'),
    ).toMatchObject({
      running: true,
      default: true,
      series: {base: '6.12'},
      fate: {what: 'promoted'},
    })

    expect((await vm.reboot()).release).toBe(ours)
    await settled(vm)
    const cmdline = (await vm.must('cat /proc/cmdline')).split(/\s+/)
    expect(cmdline).toEqual(expect.arrayContaining([...WORDS]))
    expect(cmdline.filter((word) => word.startsWith('isolctl'))).toEqual([])
    expect(await vm.sh('isolctl kernel verify')).toMatchObject({exitCode: 0})
    expect(await vm.sh('isolctl preflight --window 3s')).toMatchObject({exitCode: 0})
    // Signed with the key of the build: a module that is not would be marked "E".
    expect(await vm.must('modprobe dummy && cat /sys/module/dummy/taint')).toBe('\n')

    await vm.must('isolctl kernel rollback --quiet')
    expect((await vm.reboot()).release).toBe(stock)
    await vm.powerOff()
  },
)
