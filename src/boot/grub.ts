// SPDX-License-Identifier: MIT

import {dirname} from 'node:path'
import type {Change, Note} from '../model/change.ts'
import {parseScript, quote, type Statement} from './grub-script.ts'
import {type BootPlan, fileChange, type MaybeFile, type WantedWord} from './loader.ts'
import {nameOf, requirePlain, sameWord} from './words.ts'

/**
 * The name sorts last in the folder, because other files assign the variable that isolctl appends
 * to (cloud images do). Only ordinary entries get the _DEFAULT arguments; the recovery entry does
 * not.
 */
export const GRUB_DROP_IN = '/etc/default/grub.d/zz-isolctl.cfg'

const HEADER = '# Written by isolctl, which replaces it as a whole; isolctl undo removes it.\n'
const LINE = /^GRUB_CMDLINE_LINUX_DEFAULT="\$GRUB_CMDLINE_LINUX_DEFAULT((?: [^"]+)?)"$/m

/**
 * The text of the drop-in that adds these words. Throws UserError for a word that a shell or GRUB
 * could misread. Pure.
 */
export function renderDropIn(words: readonly string[]): string {
  requirePlain(words)
  return `${HEADER}${assignment(words)}`
}

const assignment = (words: readonly string[]) =>
  `GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT ${words.join(' ')}"\n`

/** The words that isolctl's drop-in adds; empty for any other text. Pure. */
export const dropInWords = (text: string): readonly string[] => wordsIn(LINE.exec(text)?.[1])

const wordsIn = (list = ''): readonly string[] => list.trim().split(' ').filter(Boolean)

/** A menu entry that starts Linux. */
export interface GrubEntry {
  readonly title: string
  /** --id, or $menuentry_id_option; the title when there is none, as GRUB does. */
  readonly id: string
  /**
   * The argument for grub-reboot: the ids of the surrounding submenus and of the entry, joined by
   * ">".
   */
  readonly path: string
  /** The generator script that wrote the entry: "10_linux". Undefined outside all sections. */
  readonly section: string | undefined
  /** As the entry writes it: relative to the file system that the entry sets as root. */
  readonly kernel: string
  /** Kernel arguments without quotes; GRUB's variables are not expanded. */
  readonly args: readonly string[]
  readonly initrd: readonly string[]
  /** A recovery entry, which must start without the arguments of the ordinary entries. */
  readonly recovery: boolean
  /** The text between the braces. */
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

/**
 * Whether a grub.cfg has no menu and only names another one: the file that grub-install writes to
 * the ESP. Pure.
 */
export const isStub = (text: string): boolean =>
  /^\s*configfile\b/m.test(text) && !/^\s*(menuentry|blscfg)\b/m.test(text)

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

/** grub-mkconfig marks the output of each script of grub.d. */
function sectionAt(text: string, position: number): string | undefined {
  const before = text.slice(0, position)
  const begin = before.lastIndexOf('### BEGIN ')
  if (begin === -1 || before.lastIndexOf('### END ') > begin) return undefined
  return /^### BEGIN \S*?([^/\s]+) ###/.exec(text.slice(begin))?.[1]
}

/**
 * The entries that the drop-in applies to: those that grub-mkconfig wrote for a kernel of this
 * system (10_linux, Ubuntu's 10_linux_zfs), except recovery entries. Entries for memtest, for other
 * systems, and entries written by hand are not among them. Pure.
 */
export const ordinaryEntries = (entries: readonly GrubEntry[]): readonly GrubEntry[] =>
  entries.filter(({section = '', recovery}) => /^10_linux/.test(section) && !recovery)

/**
 * The problems of a generated grub.cfg, empty when there is none: every ordinary entry must pass
 * each of these words exactly once, and must not pass a second argument with the name of one in
 * SINGLE. Pure.
 */
export function grubProblems(text: string, words: readonly string[]): readonly string[] {
  const ordinary = ordinaryEntries(parseGrubCfg(text))
  if (ordinary.length === 0) return ['no entry for a kernel of this system']
  return ordinary.flatMap(({title, args}) =>
    words.flatMap((word) => {
      const namesakes = args.filter((arg) => nameOf(arg) === nameOf(word))
      const count = namesakes.filter((arg) => sameWord(arg, word)).length
      if (count === 1 && (namesakes.length === 1 || !SINGLE.has(nameOf(word)))) return []
      const found = namesakes.length === 0 ? 'is missing' : `is passed as ${namesakes.join(' ')}`
      return [`"${title}": ${word} ${found}`]
    }),
  )
}

/** Arguments that the kernel accepts once; it silently drops or overrides a second one. */
export const SINGLE: ReadonlySet<string> = new Set(['isolcpus', 'nohz_full', 'rcu_nocbs', 'irqaffinity'])

/**
 * Copy an entry with another kernel or other arguments, for custom.cfg, which GRUB reads at boot.
 * Pure.
 */
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

/** Quote a word for GRUB where needed; a word that is a GRUB variable stays unquoted. */
const written = (word: string): string => (/^[A-Za-z0-9_.,:=/+@%$-]+$/.test(word) ? word : quote(word))

/** The state of GRUB on a machine whose grub.cfg is generated. */
export interface GrubState {
  readonly cfg: {readonly path: string; readonly text: string}
  /** Path of the generator. */
  readonly mkconfig: string
  readonly scriptCheck: string
  /**
   * The file with the generator's settings: isolctl's drop-in, or, where no drop-ins are read,
   * /etc/default/grub with isolctl's lines at the end.
   */
  readonly home: MaybeFile
  /** Whether the folder for drop-ins exists; Debian does not create it. */
  readonly folder: boolean
  /** The other files that the generator reads, which may set arguments as well. */
  readonly others: readonly {readonly path: string; readonly text: string}[]
}

/**
 * The changes after which GRUB passes these words: isolctl's lines among the generator's settings,
 * and a new grub.cfg. Throws Error when another file passes an argument of the same name, because
 * the kernel would drop one of the two. Pure.
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
        `${blame(state, namesakes)} already passes ${namesakes[0]}, and the kernel drops one of the two: remove it there`,
      )
    if (yields && namesakes.length > 0) {
      notes.push({subject: word, reason: `left out: ${namesakes[0]} is already passed`})
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

/** `words` without one occurrence of each word of `some`. */
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

/**
 * The new contents of the settings file: the whole file when it is isolctl's drop-in, else the old
 * text with isolctl's lines at the end. null: no file.
 */
function placeWords({path, text}: MaybeFile, words: readonly string[]): string | null {
  if (path === GRUB_DROP_IN) return words.length === 0 ? null : renderDropIn(words)
  const rest = (text ?? '').replace(BLOCK, '')
  if (words.length === 0) return text === null ? null : rest
  requirePlain(words)
  return `${rest}${rest === '' || rest.endsWith('\n') ? '' : '\n'}${MARK}${assignment(words)}`
}

const MARK = '# The next line is written by isolctl; isolctl undo removes both.\n'
const BLOCK = new RegExp(`${MARK}${LINE.source.slice(0, -1)}\\n?`, 'm')

/** The file that sets one of these arguments, by a search of its text; grub.cfg when none does. */
function blame({others, cfg}: GrubState, args: readonly string[]): string {
  return others.find(({text}) => args.some((arg) => text.includes(arg)))?.path ?? cfg.path
}
