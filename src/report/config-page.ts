// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {GRAMMAR} from '../model/cpu-words.ts'
import {ConfigSchema} from '../schema/config.ts'

interface Described {
  readonly description?: string
  readonly properties?: Readonly<Record<string, Described>>
  readonly items?: Described
}

/** docs/config.md. Pure. */
export function configPage(): string {
  const schema = z.toJSONSchema(ConfigSchema, {io: 'input'}) as Described
  return [
    '<!-- Written by `npm run docs` from src/config. -->',
    '# /etc/isolctl/config.yaml',
    '',
    'Every key is optional. An unknown key is an error that names its line. `isolctl init` proposes a file',
    'for the machine that it runs on, and gives the reasons. [config.schema.json](config.schema.json) is',
    'for editors.',
    '',
    '| key | meaning |',
    '| --- | --- |',
    ...rows(schema, ''),
    '',
    '## Sets of CPUs in words',
    '',
    'One file may serve many hosts. A set is resolved on the machine that reads it. If it does not fit',
    'that machine, isolctl refuses it, and names the line and the key.',
    '',
    '```',
    GRAMMAR,
    '```',
    '',
    '`core` takes whole cores, so SMT siblings stay together. `N` is the last CPU that is *online*; for',
    'the kernel, it is the last possible CPU. A list with an `N` or the word `all` leaves out offline',
    'CPUs. A CPU that is given by its number must be online. Boot arguments always get a plain list.',
    '',
    '```yaml',
    'isolated: all but the first core of each node',
    'classes:',
    '  - name: edge-*        # the host name, and the number of CPUs if it is given',
    '    cpus: 16',
    '    isolated: 4-N',
    '    housekeeping: 0-3',
    'policy: fifo:1',
    '```',
    '',
  ].join('\n')
}

function rows({properties = {}}: Described, prefix: string): readonly string[] {
  return Object.entries(properties).flatMap(([key, value]) => [
    `| \`${prefix}${key}\` | ${value.description ?? ''} |`,
    ...rows(value, `${prefix}${key}.`),
    ...(value.items ? rows(value.items, `${prefix}${key}[].`) : []),
  ])
}
