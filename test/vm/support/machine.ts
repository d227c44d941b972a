// SPDX-License-Identifier: MIT
/** A virtual machine that boots from its own disk, through its own boot loader, and runs scripts for us. */
import {constants, copyFile, readFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import type {Duplex, Readable} from 'node:stream'
import {setTimeout as sleep} from 'node:timers/promises'
import {execa} from 'execa'
import {chooseAccelerator} from '../../../src/lab/accel.ts'
import {acceleratorArguments} from '../../../src/lab/machine.ts'

const QEMU = 'qemu-system-x86_64'
/** For what hangs, not for what is slow: emulated, on a busy host, a boot takes minutes, and an installation more. */
const BOOT_TIMEOUT_MS = 900_000
const SCRIPT_TIMEOUT_MS = 900_000
const FIRMWARE = {code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd'}

export interface VmOptions {
  readonly disk: string
  /** "qcow2" when not given, what overlay() makes. */
  readonly format?: 'raw' | 'qcow2'
  /**
   * 'system': the whole of it, by systemd. 'agent': the kernel and our scripts, no init system: seconds. 'report': says
   * which kernel with which arguments the boot loader chose, and powers off. The disk is the same for all of them.
   */
  readonly mode?: 'system' | 'agent' | 'report'
  /** Leave out the boot loader. */
  readonly direct?: {readonly kernel: string; readonly initrd: string; readonly append: string}
  /** UEFI instead of BIOS: the file with its variables, see firmwareVariables(). */
  readonly variables?: string
  /** A second disk, read-only: see isolctlDisk(). */
  readonly data?: string
  /** 2 when not given. */
  readonly cpus?: number
  readonly memoryMb?: number
  /** More arguments for QEMU. */
  readonly qemu?: readonly string[]
}

export interface ScriptResult {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface Vm extends AsyncDisposable {
  /** Wait for the next boot: its id and `uname -r`. */
  ready(timeoutMs?: number): Promise<{bootId: string; release: string}>
  /** Run a script with sh, as root. Rejects if the machine goes away under it. */
  sh(script: string, timeoutMs?: number): Promise<ScriptResult>
  /** The same, and throws unless it succeeds; its standard output. */
  must(script: string, timeoutMs?: number): Promise<string>
  /** Start a script and do not wait: for one that ends the machine. */
  begin(script: string): void
  /** Restart it as an operator would; resolves when it is up again. */
  reboot(): Promise<{bootId: string; release: string}>
  /** Wait until the console has shown it. */
  saw(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>
  /** What the console has shown so far. */
  console(): string
  /** In order: everything written is on the disk. */
  powerOff(): Promise<void>
  /** The plug is pulled: what the guest had not flushed is lost. */
  cut(): Promise<void>
  /**
   * What would be left if the plug were pulled now: the machine again, with copies of its disk and of its firmware's
   * variables as they are at this moment. The machine itself goes on.
   */
  remains(): Promise<VmOptions>
  /** Resolves when QEMU has ended. */
  readonly ended: Promise<unknown>
}

/** Empty variables of a UEFI machine, ours to write. */
export async function firmwareVariables(folder: string): Promise<string> {
  const file = join(folder, `${crypto.randomUUID()}.fd`)
  await copyFile(FIRMWARE.variables, file)
  return file
}

/**
 * What the boot loader of a disk decides: `uname -r` and the kernel's arguments. Writes to the disk only if it does. With
 * one CPU, which is no matter to it: where several are emulated, a kernel that patches itself at boot was seen to crash.
 */
export async function bootReport(options: VmOptions): Promise<{release: string; cmdline: string}> {
  await using vm = await startVm({
    ...options,
    mode: 'report',
    cpus: 1,
    qemu: ['-no-reboot', ...(options.qemu ?? [])],
  })
  const [, release = '', cmdline = ''] = await vm.saw(/^vm-report (\S+) (.*?)\r?\n/m)
  await vm.ended
  return {release, cmdline}
}

export async function startVm(options: VmOptions): Promise<Vm> {
  const accel = await chooseAccelerator({wanted: 'auto', qemu: QEMU})
  const child = execa('setpriv', ['--pdeathsig', 'KILL', '--', QEMU, ...qemuArguments(options, accel)], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    buffer: false,
    reject: false,
    forceKillAfterDelay: 1000,
  })
  const {stdio, stderr} = child.nodeChildProcess
  const [, , , agent, consolePort] = stdio as unknown as readonly Duplex[]
  if (agent === undefined || consolePort === undefined) throw new Error('QEMU has no ports')
  for (const port of [agent, consolePort]) port.on('error', () => {}) // it ended: noticed elsewhere
  const console = watch(consolePort)
  const complaint = watch(stderr as Readable)
  const messages = watch(agent)
  let scripts = 0
  let boots = 0

  const describe = () => `${complaint.text()}\n${console.text().split('\n').slice(-25).join('\n')}`
  const within = async <T>(what: string, work: Promise<T>, ms: number): Promise<T> => {
    const stop = new AbortController()
    const timer = setTimeout(() => stop.abort(), ms)
    try {
      return await Promise.race([
        work,
        child.then(async () => {
          // What it said last may be still on its way.
          await Promise.all([console.ended, messages.ended])
          return await Promise.race([
            work,
            Promise.reject(new Error(`the machine ended before ${what}:\n${describe()}`)),
          ])
        }),
        new Promise<never>((_, reject) => {
          stop.signal.addEventListener('abort', () =>
            reject(new Error(`not within ${ms / 1000} s: ${what}:\n${describe()}`)),
          )
        }),
      ])
    } finally {
      clearTimeout(timer)
    }
  }
  const send = (script: string) => {
    const id = ++scripts
    agent.write(`${id} ${Buffer.from(script).toString('base64')}\n`)
    return id
  }
  const vm: Vm = {
    ended: child,
    console: console.text,
    async ready(ms = BOOT_TIMEOUT_MS) {
      const nth = ++boots
      const [, bootId = '', release = ''] = await within(
        `it was up (boot ${nth})`,
        messages.seen(/^ready (\S+) (\S+)\n/gm, nth),
        ms,
      )
      return {bootId, release}
    },
    async sh(script, ms = SCRIPT_TIMEOUT_MS) {
      const id = send(script)
      const [, code, out = '', err = ''] = await within(
        `the script ended: ${script.slice(0, 200)}`,
        messages.seen(new RegExp(`^done ${id} (\\d+) (\\S*) (\\S*)\n`, 'gm')),
        ms,
      )
      return {exitCode: Number(code), stdout: fromBase64(out), stderr: fromBase64(err)}
    },
    async must(script, ms) {
      const result = await vm.sh(script, ms)
      if (result.exitCode !== 0)
        throw new Error(`exit ${result.exitCode}: ${script}\n${result.stdout}${result.stderr}`)
      return result.stdout
    },
    begin: (script) => void send(script),
    async reboot() {
      send(options.mode === 'agent' ? END('b') : 'systemctl reboot')
      return await vm.ready()
    },
    async saw(pattern, ms = BOOT_TIMEOUT_MS) {
      const flags = pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`
      return await within(
        `its console showed ${pattern}`,
        console.seen(new RegExp(pattern.source, flags)),
        ms,
      )
    },
    async powerOff() {
      send(options.mode === 'agent' ? END('o') : 'systemctl poweroff')
      await within('it was off', child, BOOT_TIMEOUT_MS)
    },
    async cut() {
      child.kill('SIGKILL')
      await child
    },
    async remains() {
      const copy = async (path: string) => {
        const there = join(dirname(path), crypto.randomUUID())
        await copyFile(path, there, constants.COPYFILE_FICLONE)
        return there
      }
      child.kill('SIGSTOP')
      try {
        while (!/^\d+ \(.*\) T/.test(await readFile(`/proc/${child.pid}/stat`, 'utf8'))) await sleep(1)
        const {variables} = options
        const disk = await copy(options.disk)
        return {...options, disk, ...(variables === undefined ? {} : {variables: await copy(variables)})}
      } finally {
        child.kill('SIGCONT')
      }
    },
    async [Symbol.asyncDispose]() {
      await vm.cut()
    },
  }
  return vm
}

/** Without an init system: everything to the disk, then the hardware. */
const END = (key: 'b' | 'o') => `sync; mount -o remount,ro / ; echo ${key} >/proc/sysrq-trigger; sleep 60`

function qemuArguments(options: VmOptions, accel: 'kvm' | 'tcg'): string[] {
  const {mode = 'system', format = 'qcow2', direct, variables, data} = options
  const file = (path: string) => `file=${path.replaceAll(',', ',,')}`
  // A power cut is the end of QEMU, not of the host: what the guest has flushed need not be flushed again.
  return [
    ...['-M', 'q35', ...acceleratorArguments(accel), '-m', `${options.memoryMb ?? 1024}`],
    ...['-smp', `${options.cpus ?? 2}`, '-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-smbios', `type=1,version=${mode}`],
    ...(variables === undefined
      ? []
      : [
          ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,${file(FIRMWARE.code)}`],
          ...['-drive', `if=pflash,unit=1,format=raw,${file(variables)}`],
        ]),
    // One queue, for all CPUs: of several each belongs to a CPU, and the kernel lets nobody move its interrupt.
    ...['-global', 'virtio-blk-pci.num-queues=1'],
    ...['-drive', `if=virtio,format=${format},cache=unsafe,${file(options.disk)}`],
    ...(data === undefined ? [] : ['-drive', `if=virtio,format=raw,readonly=on,${file(data)}`]),
    ...(direct === undefined
      ? []
      : ['-kernel', direct.kernel, '-initrd', direct.initrd, '-append', direct.append]),
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...['-chardev', 'socket,id=agent,fd=3', '-device', 'virtserialport,chardev=agent,name=isolctl.vm'],
    ...['-chardev', 'socket,id=console,fd=4', '-serial', 'chardev:console'],
    ...(options.qemu ?? []),
  ]
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8')
}

/** Everything a stream has said, and promises of what it will say. */
function watch(stream: Readable) {
  let text = ''
  const watchers = new Set<() => void>()
  const ended = new Promise<void>((resolve) => stream.once('close', () => resolve()))
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text += chunk
    for (const watcher of watchers) watcher()
  })
  return {
    text: () => text,
    ended,
    /** The nth match of a global pattern. */
    seen: (pattern: RegExp, nth = 1) =>
      new Promise<RegExpExecArray>((resolve) => {
        const watcher = () => {
          const match = [...text.matchAll(pattern)][nth - 1]
          if (match === undefined) return
          watchers.delete(watcher)
          resolve(match)
        }
        watchers.add(watcher)
        watcher()
      }),
  }
}
