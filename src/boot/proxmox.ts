// SPDX-License-Identifier: MIT
import {parseCmdline, valuesOf} from './cmdline.ts'
import {type BootPlan, fileChange, type MaybeFile, type WantedWord} from './loader.ts'
import {mergeLine, nameOf, requirePlain, sameWord} from './words.ts'

/** The UUIDs of the ESPs that proxmox-boot-tool writes to; it mounts them only while it writes. */
export const PROXMOX_ESPS = '/etc/kernel/proxmox-boot-uuids'

/** systemd-boot on a machine whose entries proxmox-boot-tool generates. */
export interface ProxmoxState {
  /** /etc/kernel/cmdline: its first line has the arguments of every entry. */
  readonly kernelCmdline: MaybeFile
  /** Path of proxmox-boot-tool. */
  readonly tool: string
  /** The arguments of this boot, which proxmox-boot-tool passes if there is no such file. */
  readonly booted: string
}

/**
 * The arguments that the entries get: the first line of the file, else those of this boot without
 * initrd= (proxmox-boot/zz-proxmox-boot). Pure.
 */
export function configuredProxmox({kernelCmdline: {text}, booted}: ProxmoxState): string {
  if (text !== null) return text.split('\n')[0] ?? ''
  const {args, init} = parseCmdline(booted)
  const words = args.filter(({name}) => name !== 'initrd' && name !== 'BOOT_IMAGE').map((arg) => arg.text)
  return [...words, ...(init.length > 0 ? ['--', ...init] : [])].join(' ')
}

/**
 * The changes after which every entry passes these words: the file of arguments, and a run of
 * proxmox-boot-tool, which writes it to the ESPs. Throws Error when the tool would refuse the file.
 * Pure.
 */
export function planProxmox(state: ProxmoxState, wanted: readonly WantedWord[]): BootPlan {
  const {kernelCmdline, tool} = state
  const {path, text} = kernelCmdline
  const before = configuredProxmox(state)
  const line = parseCmdline(before)
  if (valuesOf(line, 'root').length === 0)
    throw new Error(`the first line of ${path} has no root=, and proxmox-boot-tool refuses it: correct it`)
  const kept = wanted.flatMap(({word, yields}) => {
    const other = line.args.find((arg) => arg.name === nameOf(word) && !sameWord(arg.text, word))
    return yields && other !== undefined ? [{word, other: other.text}] : []
  })
  const words = wanted.map(({word}) => word).filter((word) => !kept.some((each) => each.word === word))
  requirePlain(words)
  const after = mergeLine(before, words)
  const files = fileChange(
    kernelCmdline,
    text === null ? `${after}\n` : [after, ...text.split('\n').slice(1)].join('\n'),
  )
  const refresh = [tool, 'refresh'] as const
  return {
    changes:
      after === before
        ? []
        : [{kind: 'run', argv: null, undo: refresh}, ...files, {kind: 'run', argv: refresh, undo: null}],
    notes: [
      ...kept.map(({word, other}) => ({subject: word, reason: `left out: ${other} is already passed`})),
      ...(after === before
        ? [
            {
              subject: path,
              reason:
                'has these arguments; the ESPs are not mounted, so run proxmox-boot-tool refresh if it was edited by hand',
            },
          ]
        : []),
    ],
    line: after,
  }
}
