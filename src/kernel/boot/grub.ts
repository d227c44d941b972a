// SPDX-License-Identifier: MIT

import {parseScript, quote, type Statement} from './grub-script.ts'
import {nameOf, requirePlain, sameWord} from './words.ts'

/**
 * Read last of the folder, because others assign the variable that we append to (cloud images do). Only the ordinary
 * entries get _DEFAULT arguments: the recovery entry stays as it is.
 */
export const GRUB_DROP_IN = '/etc/default/grub.d/zz-isolctl.cfg'

const HEADER = '# Written by isolctl, which replaces it as a whole; isolctl undo removes it.\n'
const LINE = /^GRUB_CMDLINE_LINUX_DEFAULT="\$GRUB_CMDLINE_LINUX_DEFAULT((?: [^"]+)?)"$/m

/** The drop-in that adds these words. Throws UserError for a word that a shell or GRUB could misread. */
export function renderDropIn(words: readonly string[]): string {
  requirePlain(words)
  return `${HEADER}GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT ${words.join(' ')}"\n`
}

/** The words that a drop-in of ours adds; none for anything else. */
export const dropInWords = (text: string): readonly string[] =>
  LINE.exec(text)?.[1]?.trim().split(' ').filter(Boolean) ?? []

/** A menu entry that starts Linux. */
export interface GrubEntry {
  readonly title: string
  /** --id, or $menuentry_id_option; the title where it has none, as GRUB does. */
  readonly id: string
  /** What grub-reboot takes: the ids of the submenus around it and its own, joined by ">". */
  readonly path: string
  /** The generator that wrote it: "10_linux". Undefined outside of all sections. */
  readonly section: string | undefined
  /** As the entry names it: relative to the file system that the entry made its root. */
  readonly kernel: string
  /** Arguments of the kernel, unquoted; GRUB's own variables unexpanded. */
  readonly args: readonly string[]
  readonly initrd: readonly string[]
  /** For repair: it is meant to start without what the ordinary entries have. */
  readonly recovery: boolean
  /** What is between its braces. */
  readonly body: string
}

/** The entries of a grub.cfg that start Linux, in order. Pure. */
export function parseGrubCfg(text: string): readonly GrubEntry[] {
  const entries: GrubEntry[] = []
  const open: {statement: Statement; inside: Statement[]}[] = []
  for (const statement of parseScript(text)) {
    if (statement.kind === 'open') open.push({statement, inside: []})
    else if (statement.kind === 'command') open.at(-1)?.inside.push(statement)
    else {
      const block = open.pop()
      if (block?.statement.words[0] !== 'menuentry') continue
      const around = open.map(({statement}) => statement).filter(({words}) => words[0] === 'submenu')
      const entry = entryOf(block.statement, block.inside, around)
      if (entry)
        entries.push({
          ...entry,
          section: sectionAt(text, block.statement.start),
          body: text.slice(block.statement.end + 1, statement.start),
        })
    }
  }
  return entries
}

function entryOf(
  head: Statement,
  inside: readonly Statement[],
  around: readonly Statement[],
): Omit<GrubEntry, 'section' | 'body'> | undefined {
  const linux = inside.find(({words}) => LINUX.test(words[0] ?? ''))
  const [, kernel, ...args] = linux?.words ?? []
  if (kernel === undefined) return undefined
  const id = idOf(head)
  return {
    title: head.words[1] ?? '',
    id,
    path: [...around.map(idOf), id].join('>'),
    kernel,
    args,
    initrd: inside.filter(({words}) => INITRD.test(words[0] ?? '')).flatMap(({words}) => words.slice(1)),
    recovery: /-recovery-/.test(id) || args.includes('single') || args.includes('recovery'),
  }
}

const LINUX = /^linux(16|efi)?$/
const INITRD = /^initrd(16|efi)?$/

function idOf({words}: Statement): string {
  const at = words.findIndex((word) => word === '--id' || word === '$menuentry_id_option')
  const joined = words.find((word) => word.startsWith('--id='))?.slice('--id='.length)
  return (at === -1 ? joined : words[at + 1]) ?? words[1] ?? ''
}

/** grub-mkconfig marks what each script in grub.d wrote. */
function sectionAt(text: string, position: number): string | undefined {
  const before = text.slice(0, position)
  const begin = before.lastIndexOf('### BEGIN ')
  if (begin === -1 || before.lastIndexOf('### END ') > begin) return undefined
  return /^### BEGIN \S*?([^/\s]+) ###/.exec(text.slice(begin))?.[1]
}

/**
 * The entries that the drop-in speaks to: written by grub-mkconfig for a kernel of this system (10_linux, Ubuntu's
 * 10_linux_zfs), not for repair. Not memtest, nor other systems, nor what somebody wrote by hand.
 */
export const ordinaryEntries = (entries: readonly GrubEntry[]): readonly GrubEntry[] =>
  entries.filter(({section = '', recovery}) => /^10_linux/.test(section) && !recovery)

export interface Passes {
  /** Words of ours that were passed before, */
  readonly from: readonly string[]
  /** and those that must be from now on. */
  readonly to: readonly string[]
}

/**
 * What is wrong with a generated grub.cfg: every ordinary entry must pass each word of `to` exactly once and nothing else
 * of that name, and no word that is only in `from`; a recovery entry none of them. Empty: nothing. Pure.
 */
export function grubProblems(text: string, {from, to}: Passes): readonly string[] {
  const entries = parseGrubCfg(text)
  const ordinary = ordinaryEntries(entries)
  if (ordinary.length === 0) return ['no entry for a kernel of this system']
  const gone = from.filter((word) => !to.some((other) => sameWord(word, other)))
  return ordinary.flatMap(({title, args}) => [
    ...to.flatMap((word) => {
      const namesakes = args.filter((arg) => nameOf(arg) === nameOf(word))
      const count = namesakes.filter((arg) => sameWord(arg, word)).length
      if (count === 1 && (namesakes.length === 1 || !SINGLE.has(nameOf(word)))) return []
      const found = namesakes.length === 0 ? 'is missing' : `is there as ${namesakes.join(' ')}`
      return [`"${title}": ${word} ${found}`]
    }),
    ...gone
      .filter((word) => args.some((arg) => sameWord(arg, word)))
      .map((word) => `"${title}": ${word} is still there`),
  ])
}

/** Arguments of which the kernel takes one, and silently drops or overrules the other. */
export const SINGLE: ReadonlySet<string> = new Set(['isolcpus', 'nohz_full', 'rcu_nocbs', 'irqaffinity'])

/** An entry like another one, with another kernel or other arguments: for custom.cfg, which GRUB reads at boot. Pure. */
export function cloneGrubEntry(
  {body}: GrubEntry,
  {
    id,
    title,
    kernel,
    args,
    initrd,
  }: {
    readonly id: string
    readonly title: string
    readonly kernel: string
    readonly args: readonly string[]
    readonly initrd: readonly string[]
  },
): string {
  const lines = parseScript(body).flatMap(({words, start, end}) => {
    const [name = ''] = words
    if (LINUX.test(name)) return [[name, kernel, ...args.map(written)].join(' ')]
    if (INITRD.test(name)) return initrd.length === 0 ? [] : [[name, ...initrd].join(' ')]
    return name === 'echo' ? [] : [body.slice(start, end)]
  })
  return [`menuentry ${quote(title)} --id ${quote(id)} {`, ...lines.map((line) => `\t${line}`), '}', ''].join(
    '\n',
  )
}

/** As GRUB must read it: a variable of its own is left to it, everything that it could misread is quoted. */
const written = (word: string): string => (/^[A-Za-z0-9_.,:=/+@%$-]+$/.test(word) ? word : quote(word))
