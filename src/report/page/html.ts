// SPDX-License-Identifier: MIT
import {visibleLines} from '../../lib/visible.ts'
import type {Block, Page, Table} from './blocks.ts'
import {COLOURS, draw} from './charts.ts'

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Foreign text in HTML, with nothing in it that a browser obeys or hides. */
const safe = (text: string): string => visibleLines(text).replace(/[&<>"']/g, (char) => ENTITIES[char] ?? '')

const STYLE = `${COLOURS}
body{font:16px/1.45 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:var(--text);background:var(--paper)}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.5rem;border-bottom:1px solid var(--grid)}
.sentence{font-size:1.15rem;font-weight:600}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}
caption{text-align:left;font-style:italic;padding-bottom:.3rem}
th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--grid)}
figure{margin:1.5rem 0}figure svg{max-width:100%;height:auto}figcaption{font-weight:600}
.scroll{overflow-x:auto}
@media print{body{margin:0;max-width:none}details{display:block}figure,tr{break-inside:avoid}}`

const tableText = ({caption, head, rows}: Table): string =>
  `<div class="scroll"><table><caption>${safe(caption)}</caption><thead><tr>${head
    .map((cell) => `<th scope="col">${safe(cell)}</th>`)
    .join('')}</tr></thead><tbody>${rows
    .map((row) => `<tr>${row.map((cell) => `<td>${safe(cell)}</td>`).join('')}</tr>`)
    .join('\n')}</tbody></table></div>`

function blockText(block: Block): string {
  if ('text' in block) return `<p>${safe(block.text)}</p>`
  if ('list' in block) return `<ul>${block.list.map((item) => `<li>${safe(item)}</li>`).join('')}</ul>`
  if (!('chart' in block)) return tableText(block.table)
  const title = safe(block.title)
  return `<figure><figcaption>${title}</figcaption><div class="scroll" role="img" aria-label="${title}; the table below has its numbers">${draw(block.chart).svg}</div><details><summary>The numbers</summary>${tableText(block.table)}</details></figure>`
}

/** One page that needs nothing else: no script, no font, no network. Pure. */
export function htmlPage({title, sentence, sections}: Page): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${safe(title)}</title><style>${STYLE}</style></head><body>
<h1>${safe(title)}</h1>
<p class="sentence">${safe(sentence)}</p>
${sections.map((section) => `<section><h2>${safe(section.title)}</h2>\n${section.blocks.map(blockText).join('\n')}\n</section>`).join('\n')}
</body></html>
`
}

/** All charts of the page, one below the other, as one picture. Pure. */
export function svgPicture({title, sections}: Page): string {
  const charts = sections.flatMap(({blocks}) => blocks.flatMap((block) => ('chart' in block ? [block] : [])))
  let top = 0
  const parts = charts.map(({chart, title}) => {
    const {svg, height} = draw(chart)
    const part = `<text x="10" y="${top + 20}" font-family="system-ui, sans-serif" font-weight="600" fill="var(--text)">${safe(title)}</text><g transform="translate(0 ${top + 30})">${svg}</g>`
    top += height + 50
    return part
  })
  const height = Math.max(top, 1)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="960" height="${height}" viewBox="0 0 960 ${height}" role="img" aria-label="${safe(title)}"><style>${COLOURS}</style><rect width="100%" height="100%" fill="var(--paper)"/>${parts.join('\n')}</svg>
`
}
