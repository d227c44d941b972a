// SPDX-License-Identifier: MIT
/** Kernels installed, tried, promoted and thrown out, in a real Debian, with nobody at the console. */
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {debianImage, type Loader, overlay} from './support/image.ts'
import {isolctlDisk} from './support/isolctl.ts'
import {debianKernels, fetchPackage, releaseOf} from './support/kernels.ts'
import {bootReport, firmwareVariables, startVm, type Vm, type VmOptions} from './support/machine.ts'

const DEB = '/opt/isolctl/kernel.deb'
let folder: string
let data: string
/** The distribution's kernel, and one that every boot loader would prefer. */
let stock: string
let newer: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-vm-'))
  const names = await debianKernels()
  stock = releaseOf(names.stock)
  newer = releaseOf(names.newer)
  data = await isolctlDisk(folder, {'kernel.deb': await fetchPackage(names.newer, folder)})
})
afterAll(() => rm(folder, {recursive: true, force: true}))

async function machine(loader: Loader): Promise<VmOptions> {
  const disk = await overlay(await debianImage(loader, (line) => process.stderr.write(`${line}\n`)), folder)
  return {disk, data, ...(loader === 'systemd-boot' ? {variables: await firmwareVariables(folder)} : {})}
}

/** Run scripts in the machine without its init system, and switch it off. */
async function inside<T>(options: VmOptions, body: (vm: Vm) => Promise<T>): Promise<T> {
  await using vm = await startVm({...options, mode: 'agent'})
  await vm.ready()
  const result = await body(vm)
  await vm.powerOff()
  return result
}

interface Listed {
  readonly kernels: readonly {
    release: string
    running: boolean
    default: boolean
    fate?: {what: string; text: string}
  }[]
}

/** What `kernel list` says of the new kernel. */
async function fate(vm: Vm) {
  const {kernels} = JSON.parse(await vm.must('isolctl kernel list --json')) as Listed
  return kernels.find(({release}) => release === newer)
}

const INSTALL = (gate: string) => `isolctl kernel install ${DEB} --gate ${gate} --quiet`

describe.for(['grub', 'systemd-boot'] as const)('%s', (loader) => {
  test('a kernel boots once, and never again when nothing was heard of it', async () => {
    const options = await machine(loader)
    await inside(options, async (vm) => {
      await vm.must(INSTALL('boot'))
      expect(await fate(vm)).toMatchObject({default: false, fate: {what: 'waiting'}})
    })
    // The report powers off in the initramfs: a trial without a sign of life.
    const trial = await bootReport(options)
    expect(trial).toMatchObject({release: newer, cmdline: expect.stringContaining(`isolctl.trial=${newer}`)})
    expect((await bootReport(options)).release).toBe(stock)
    await inside(options, async (vm) => {
      expect((await fate(vm))?.fate).toMatchObject({
        what: 'trial-failed',
        text: expect.stringContaining('did not get as far as user space'),
      })
      await vm.must(`isolctl kernel remove ${newer} --quiet`)
      expect(
        await vm.must('ls /boot /etc/default/grub.d /boot/grub/custom.cfg 2>/dev/null || true'),
      ).not.toMatch(new RegExp(`isolctl|custom.cfg|${newer.replaceAll('+', '\\+')}`))
    })
  })

  test('a kernel boots once, and for good when it proved itself there', async () => {
    const options = await machine(loader)
    await inside(options, (vm) => vm.must(INSTALL('boot')))
    {
      await using vm = await startVm(options)
      expect((await vm.ready()).release).toBe(newer)
      await vm.must('while systemctl list-jobs | grep -q isolctl-trial; do sleep 1; done')
      expect(await fate(vm)).toMatchObject({running: true, default: true, fate: {what: 'promoted'}})
      const removal = await vm.sh(`isolctl kernel remove ${newer}`)
      expect(removal).toMatchObject({exitCode: 69, stderr: expect.stringContaining('cannot be removed')})
      await vm.powerOff()
    }
    const promoted = await bootReport(options)
    expect(promoted.release).toBe(newer)
    expect(promoted.cmdline).not.toContain('isolctl')
    await inside(options, (vm) => vm.must('isolctl kernel rollback --quiet'))
    expect((await bootReport(options)).release).toBe(stock)
  })

  test('a kernel that is judged unfit is left again without a hand on it', async () => {
    const options = await machine(loader)
    await inside(options, (vm) => vm.must(INSTALL('verify')))
    await using vm = await startVm(options)
    expect((await vm.ready()).release).toBe(newer)
    expect((await vm.ready()).release).toBe(stock)
    expect(await fate(vm)).toMatchObject({
      default: false,
      fate: {what: 'judged-bad', text: expect.stringContaining('no task isolation')},
    })
    await vm.powerOff()
  })
})
