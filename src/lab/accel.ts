// SPDX-License-Identifier: MIT

import {writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {execa} from 'execa'
import {bootId} from '../facts/boot-id.ts'
import {gatherer} from '../facts/fact.ts'
import {localHost} from '../host/local.ts'
import {cacheFolder} from '../lib/cache.ts'
import {publishFile, readIfPresent, withPrivateFolder} from '../lib/files.ts'
import {type Accelerator, type Engine, engineArguments} from './machine.ts'
import {emulatesAtOnce} from './qemu.ts'

/**
 * `mov al, 0x31; out 0xf4, al; hlt`. With isa-debug-exit, the exit status of QEMU is 2 * 0x31 + 1.
 */
const BOOT_CODE = [0xb0, 0x31, 0xe6, 0xf4, 0xf4]
const BOOT_EXIT = 99
/**
 * A broken KVM sometimes passes (on one nested paravirtual host, once in seventy times), so it has
 * to pass several times. A working KVM takes a fraction of a second each time.
 */
const PASSES = 3
const PROBE_BUDGET_MS = 5000

export interface AcceleratorOptions {
  readonly wanted: 'auto' | Accelerator
  readonly qemu: string
  readonly signal?: AbortSignal
  /** The folder that keeps the verdict until the next boot. */
  readonly cache?: string
}

/**
 * The accelerator to run the lab with. `auto` takes KVM only when a guest starts under it: on
 * nested paravirtual hosts /dev/kvm opens and answers every query, and then runs no guest.
 */
export async function chooseAccelerator(options: AcceleratorOptions): Promise<Accelerator> {
  if (options.wanted !== 'auto') return options.wanted
  const known = await recallVerdict(options)
  if (known !== undefined) return known
  const verdict = (await kvmWorks(options)) ? 'kvm' : 'tcg'
  options.signal?.throwIfAborted() // an interrupted probe gives no verdict
  await rememberVerdict(verdict, options)
  return verdict
}

/** How this QEMU runs the CPUs of a machine with this accelerator. */
export async function engineFor(accel: Accelerator, qemu: string): Promise<Engine> {
  if (accel === 'kvm') return 'kvm'
  return (await emulatesAtOnce(qemu)) ? 'threads' : 'turns'
}

/**
 * Saves a verdict on KVM, which is valid until the next boot. Its key names the boot and the QEMU.
 */
export async function rememberVerdict(accel: Accelerator, options: AcceleratorOptions): Promise<void> {
  await publishFile(
    await verdictFile(options),
    `${JSON.stringify({...(await verdictKey(options)), accel})}\n`,
  )
}

async function recallVerdict(options: AcceleratorOptions): Promise<Accelerator | undefined> {
  const text = await readIfPresent(await verdictFile(options))
  const key = await verdictKey(options)
  for (const accel of ['kvm', 'tcg'] as const)
    if (text?.trim() === JSON.stringify({...key, accel})) return accel
  return undefined
}

async function verdictFile({cache}: AcceleratorOptions): Promise<string> {
  return join(await cacheFolder('lab', cache), 'accelerator.json')
}

async function verdictKey({qemu}: AcceleratorOptions): Promise<{bootId: string; qemu: string}> {
  return {bootId: await gatherer(localHost())(bootId), qemu}
}

async function kvmWorks({qemu, signal}: AcceleratorOptions): Promise<boolean> {
  const budget = AbortSignal.timeout(PROBE_BUDGET_MS)
  const cancelSignal = signal === undefined ? budget : AbortSignal.any([budget, signal])
  return withPrivateFolder(async (folder) => {
    const image = join(folder, 'boot.img')
    await writeFile(image, bootSector(), {flag: 'wx'})
    for (let pass = 0; pass < PASSES; pass++) {
      const {exitCode} = await execa(qemu, probeArguments(image), {
        cwd: folder, // QEMU may abort: its core dump is removed with the directory
        stdio: 'ignore',
        reject: false,
        cancelSignal,
        killSignal: 'SIGKILL', // a guest that spins in the kernel reacts to no other signal
      })
      if (exitCode !== BOOT_EXIT) return false
    }
    return true
  })
}

function bootSector(): Buffer {
  const sector = Buffer.alloc(512)
  sector.set(BOOT_CODE, 0)
  sector.set([0x55, 0xaa], 510)
  return sector
}

/** `-accel kvm` without the fallback of `kvm:tcg`, with which a broken KVM would seem to work. */
function probeArguments(image: string): string[] {
  return [
    ...engineArguments('kvm'),
    ...['-M', 'pc', '-m', '64', '-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04'],
    ...['-drive', `if=floppy,format=raw,readonly=on,file=${image.replaceAll(',', ',,')}`, '-boot', 'a'],
  ]
}
