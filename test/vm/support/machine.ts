// SPDX-License-Identifier: MIT
/**
 * A virtual machine that boots from its own disk through its own boot loader, and runs scripts for
 * the tests.
 */
import {constants, copyFile, readFile} from 'node:fs/promises'
import {dirname, join} from 'node:path'
import type {Duplex, Readable} from 'node:stream'
import {setTimeout as sleep} from 'node:timers/promises'
import {execa} from 'execa'
import {chooseAccelerator} from '../../../src/lab/accel.ts'
import {type Engine, engineArguments} from '../../../src/lab/machine.ts'

const QEMU = 'qemu-system-x86_64'
/**
 * Only for a machine that hangs: emulated on a busy host, a boot takes minutes, and an installation
 * takes longer.
 */
const BOOT_TIMEOUT_MS = 900_000
const SCRIPT_TIMEOUT_MS = 900_000
const FIRMWARE = {code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd'}

export interface VmOptions {
  readonly disk: string
  /** Default "qcow2", as overlay() creates it. */
  readonly format?: 'raw' | 'qcow2'
  /**
   * 'system': the complete system with systemd. 'agent': the kernel and scripts without an init
   * system, which takes seconds. 'report': prints which kernel and arguments the boot loader chose,
   * and powers off. The disk is the same for all of them.
   */
  readonly mode?: 'system' | 'agent' | 'report'
  /** Start without the boot loader. */
  readonly direct?: {readonly kernel: string; readonly initrd: string; readonly append: string}
  /** UEFI instead of BIOS: the file with its variables, see firmwareVariables(). */
  readonly variables?: string
  /** A second disk, read-only: see isolctlDisk(). */
  readonly data?: string
  /** Default 2. */
  readonly cpus?: number
  readonly memoryMb?: number
  /** Further arguments for QEMU. */
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
  /** Run a script with sh, as root. Rejects when the machine ends during it. */
  sh(script: string, timeoutMs?: number): Promise<ScriptResult>
  /** Run a script, and throw unless it succeeds; returns its standard output. */
  must(script: string, timeoutMs?: number): Promise<string>
  /** Start a script without waiting, for one that ends the machine. */
  begin(script: string): void
  /** Reboot the machine as an operator would; resolves when it is up again. */
  reboot(): Promise<{bootId: string; release: string}>
  /** Wait until the console has printed this text. */
  saw(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>
  /** The output of the console so far. */
  console(): string
  /** Shut down in order: all writes are on disk. */
  powerOff(): Promise<void>
  /** Cut the power: what the guest had not flushed is lost. */
  cut(): Promise<void>
  /**
   * The machine as a power cut at this moment would leave it: a new machine with copies of the disk
   * and of the firmware's variables. This machine continues.
   */
  remains(): Promise<VmOptions>
  /** Resolves when QEMU has ended. */
  readonly ended: Promise<unknown>
}

/** Empty, writable variables of a UEFI machine. */
export async function firmwareVariables(folder: string): Promise<string> {
  const file = join(folder, `${crypto.randomUUID()}.fd`)
  await copyFile(FIRMWARE.variables, file)
  return file
}

/**
 * The decision of a disk's boot loader: `uname -r` and the kernel's arguments. Only the boot loader
 * may write to the disk. With one CPU, which does not matter for the decision: with several
 * emulated CPUs, a kernel was seen to crash when it patched itself at boot.
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
  // In turn: these machines map their devices again at each restart, where QEMU 10.0 with a thread
  // for each CPU may abort (src/lab/run.ts), and they have few CPUs.
  const engine = (await chooseAccelerator({wanted: 'auto', qemu: QEMU})) === 'kvm' ? 'kvm' : 'turns'
  const child = execa('setpriv', ['--pdeathsig', 'KILL', '--', QEMU, ...qemuArguments(options, engine)], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'pipe'],
    buffer: false,
    reject: false,
    forceKillAfterDelay: 1000,
  })
  const {stdio, stderr} = child.nodeChildProcess
  const [, , , agent, consolePort] = stdio as unknown as readonly Duplex[]
  if (agent === undefined || consolePort === undefined) throw new Error('QEMU has no ports')
  // The machine ended: handled elsewhere.
  for (const port of [agent, consolePort]) port.on('error', () => {})
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
          // Its last output may not have arrived yet.
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

/** Without an init system: flush everything to disk, then power off. */
const END = (key: 'b' | 'o') => `sync; mount -o remount,ro / ; echo ${key} >/proc/sysrq-trigger; sleep 60`

function qemuArguments(options: VmOptions, engine: Engine): string[] {
  const {mode = 'system', format = 'qcow2', direct, variables, data} = options
  const file = (path: string) => `file=${path.replaceAll(',', ',,')}`
  // A power cut ends QEMU, not the host: writes that the guest has flushed do not have to be
  // flushed again.
  return [
    ...['-M', 'q35', ...engineArguments(engine), '-m', `${options.memoryMb ?? 1024}`],
    ...['-smp', `${options.cpus ?? 2}`, '-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-smbios', `type=1,version=${mode}`],
    ...(variables === undefined
      ? []
      : [
          ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,${file(FIRMWARE.code)}`],
          ...['-drive', `if=pflash,unit=1,format=raw,${file(variables)}`],
        ]),
    // One queue for all CPUs: with several, each belongs to a CPU, and the kernel does not allow
    // its interrupt to be moved.
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

/** The output of a stream so far, and promises of later output. */
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
