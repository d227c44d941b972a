// SPDX-License-Identifier: MIT

/** One command of a GRUB script, or the brace that ends a block. */
export interface Statement {
  /** Without quotes; variables are not expanded: "$vt_handoff". Empty for "}". */
  readonly words: readonly string[]
  readonly kind: 'command' | 'open' | 'close'
  /** Start and end offsets in the text; for `open`, without the "{". */
  readonly start: number
  readonly end: number
}

/**
 * Split a GRUB script into its commands (GRUB manual, "Shell-like scripting"): blanks separate
 * words, a newline or ";" ends a command, '...' is literal, "..." and a backslash quote, "#" begins
 * a comment, and a "{" as a separate word opens a block. Nothing is expanded. Pure.
 */
export function parseScript(text: string): readonly Statement[] {
  const statements: Statement[] = []
  let words: string[] = []
  let word: string | undefined
  let start = 0
  let at = 0

  const endWord = () => {
    if (word === undefined) return
    words.push(word)
    word = undefined
  }
  const endStatement = (kind: Statement['kind'], end: number) => {
    endWord()
    if (words.length > 0 || kind !== 'command') statements.push({words, kind, start, end})
    words = []
  }
  const append = (part: string, from: number) => {
    if (words.length === 0 && word === undefined) start = from
    word = (word ?? '') + part
  }

  while (at < text.length) {
    const char = text[at] ?? ''
    const from = at
    if (char === "'") {
      const close = text.indexOf("'", at + 1)
      const end = close === -1 ? text.length : close
      append(text.slice(at + 1, end), from)
      at = end + 1
    } else if (char === '"') {
      let quoted = ''
      for (at++; at < text.length && text[at] !== '"'; at++) {
        // Inside double quotes, only these characters can be escaped.
        if (text[at] === '\\' && /["\\$]/.test(text[at + 1] ?? '')) at++
        quoted += text[at]
      }
      append(quoted, from)
      at++
    } else if (char === '\\') {
      if (text[at + 1] !== '\n') append(text[at + 1] ?? '', from)
      at += 2
    } else if (char === '$' && text[at + 1] === '{') {
      const close = text.indexOf('}', at)
      const end = close === -1 ? text.length : close + 1
      append(text.slice(at, end), from)
      at = end
    } else if (char === '#' && word === undefined) {
      const end = text.indexOf('\n', at)
      at = end === -1 ? text.length : end
    } else if (/[ \t\r]/.test(char)) {
      endWord()
      at++
    } else if (char === '\n' || char === ';') {
      endStatement('command', at)
      at++
    } else if ((char === '{' || char === '}') && word === undefined) {
      if (char === '{') endStatement('open', at)
      else {
        endStatement('command', at)
        start = at
        endStatement('close', at + 1)
      }
      at++
    } else {
      append(char, from)
      at++
    }
  }
  endStatement('command', text.length)
  return statements
}

/** Quote a word so that GRUB reads exactly this text. */
export const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
