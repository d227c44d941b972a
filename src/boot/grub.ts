// SPDX-License-Identifier: MIT

import {dirname} from 'node:path'
import type {Change, Note} from '../model/change.ts'
import {parseScript, quote, type Statement} from './grub-script.ts'
import {type BootPlan, fileChange, type MaybeFile, type WantedWord} from './loader.ts'
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
  return `${HEADER}${assignment(words)}`
}

const assignment = (words: readonly string[]) =>
  `GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT ${words.join(' ')}"\n`

/** The words that a drop-in of ours adds; none for anything else. */
export const dropInWords = (text: string): readonly string[] => wordsIn(LINE.exec(text)?.[1])

const wordsIn = (list = ''): readonly string[] => list.trim().split(' ').filter(Boolean)

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

/**
 * What is wrong with a generated grub.cfg: every ordinary entry must pass each of these words exactly once, and of those
 * that the kernel takes once no other. Empty: nothing. Pure.
 */
export function grubProblems(text: string, words: readonly string[]): readonly string[] {
  const ordinary = ordinaryEntries(parseGrubCfg(text))
  if (ordinary.length === 0) return ['no entry for a kernel of this system']
  return ordinary.flatMap(({title, args}) =>
    words.flatMap((word) => {
      const namesakes = args.filter((arg) => nameOf(arg) === nameOf(word))
      const count = namesakes.filter((arg) => sameWord(arg, word)).length
      if (count === 1 && (namesakes.length === 1 || !SINGLE.has(nameOf(word)))) return []
      const found = namesakes.length === 0 ? 'is missing' : `is there as ${namesakes.join(' ')}`
      return [`"${title}": ${word} ${found}`]
    }),
  )
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

/** What GRUB has on a machine whose grub.cfg is generated. */
export interface GrubState {
  readonly cfg: {readonly path: string; readonly text: string}
  /** The generator, as it is to be called. */
  readonly mkconfig: string
  readonly scriptCheck: string
  /** Where the generator takes its settings from: ours lie in the drop-in, or, where it reads none, at the file's end. */
  readonly home: MaybeFile
  /** Whether the folder of drop-ins is there: Debian makes none. */
  readonly folder: boolean
  /** Who else may have set arguments: the files that the generator reads. */
  readonly others: readonly {readonly path: string; readonly text: string}[]
}

/**
 * What makes GRUB pass these words: our lines among the generator's settings, and a new grub.cfg. Throws Error where
 * somebody else passes an argument of the same name, of which the kernel would drop one. Pure.
 */
export function planGrub(state: GrubState, wanted: readonly WantedWord[]): BootPlan {
  const {cfg, home, mkconfig, scriptCheck} = state
  const entries = ordinaryEntries(parseGrubCfg(cfg.text))
  const [first] = entries
  if (first === undefined)
    throw new Error(`${cfg.path} has no entry that grub-mkconfig wrote for a kernel of this system`)
  const before = ownWords(home)
  const foreign = entries.flatMap(({args}) => without(args, before))
  const notes: Note[] = []
  const ours = wanted.flatMap(({word, yields}) => {
    const namesakes = foreign.filter((arg) => nameOf(arg) === nameOf(word))
    if (namesakes.some((arg) => sameWord(arg, word))) return []
    if (!yields && SINGLE.has(nameOf(word)) && namesakes.length > 0)
      throw new Error(
        `${blame(state, namesakes)} passes ${namesakes[0]} already, and of two the kernel drops one: take it out there`,
      )
    if (yields && namesakes.length > 0) {
      notes.push({subject: word, reason: `left out, because ${namesakes[0]} is passed already`})
      return []
    }
    return [word]
  })
  const files = fileChange(home, placeWords(home, ours))
  const stale = grubProblems(cfg.text, ours).length > 0
  const into = {path: cfg.path, check: [scriptCheck] as const}
  return {
    changes:
      files.length === 0 && !stale
        ? []
        : [
            {kind: 'run', argv: null, undo: [mkconfig], into: {...into, passes: []}},
            ...(home.path === GRUB_DROP_IN && !state.folder && files.length > 0 ? [FOLDER] : []),
            ...files,
            {kind: 'run', argv: [mkconfig], undo: null, into: {...into, passes: [...ours]}},
          ],
    notes,
    line: [`BOOT_IMAGE=${first.kernel}`, ...without(first.args, before), ...ours].join(' '),
  }
}

const FOLDER: Change = {kind: 'folder', path: dirname(GRUB_DROP_IN), from: null, to: ''}

/** Words without one of each of these. */
function without(words: readonly string[], some: readonly string[]): readonly string[] {
  const rest = [...some]
  return words.filter((word) => {
    const index = rest.indexOf(word)
    if (index === -1) return true
    rest.splice(index, 1)
    return false
  })
}

const ownWords = ({path, text}: MaybeFile): readonly string[] =>
  path === GRUB_DROP_IN ? dropInWords(text ?? '') : wordsIn(BLOCK.exec(text ?? '')?.[1])

/** Our own file as a whole, or our lines at the end of a file that others write as well. */
function placeWords({path, text}: MaybeFile, words: readonly string[]): string | null {
  if (path === GRUB_DROP_IN) return words.length === 0 ? null : renderDropIn(words)
  const rest = (text ?? '').replace(BLOCK, '')
  if (words.length === 0) return text === null ? null : rest
  requirePlain(words)
  return `${rest}${rest === '' || rest.endsWith('\n') ? '' : '\n'}${MARK}${assignment(words)}`
}

const MARK = '# The next line is written by isolctl; isolctl undo removes both.\n'
const BLOCK = new RegExp(`${MARK}${LINE.source.slice(0, -1)}\\n?`, 'm')

/** The file that sets one of these arguments, as far as its text tells. */
function blame({others, cfg}: GrubState, args: readonly string[]): string {
  return others.find(({text}) => args.some((arg) => text.includes(arg)))?.path ?? cfg.path
}
