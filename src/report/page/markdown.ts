// SPDX-License-Identifier: MIT
import {visible} from '../../lib/visible.ts'
import type {Block, Page, Table} from './blocks.ts'

/** Foreign text in Markdown: neither marks nor HTML. */
const safe = (text: string): string => visible(text).replace(/[\\`*_{}[\]<>|#&~]/g, (char) => `\\${char}`)

const row = (cells: readonly string[]) => `| ${cells.map(safe).join(' | ')} |`

const tableText = ({caption, head, rows}: Table): string =>
  [`${safe(caption)}:`, '', row(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(row)].join('\n')

function blockText(block: Block): string {
  if ('text' in block) return safe(block.text)
  if ('list' in block) return block.list.map((item) => `- ${safe(item)}`).join('\n')
  return tableText(block.table)
}

/** The page in Markdown; of a chart it has the table. Pure. */
export function markdownPage({title, sentence, sections}: Page): string {
  const parts = sections.flatMap((section) => [`## ${safe(section.title)}`, ...section.blocks.map(blockText)])
  return `${[`# ${safe(title)}`, `**${safe(sentence)}**`, ...parts].join('\n\n')}\n`
}
