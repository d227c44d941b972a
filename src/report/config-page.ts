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
    'Every key is optional; one that does not exist is an error, with its line. `isolctl init` proposes a file for the',
    'machine it runs on and says why; [config.schema.json](config.schema.json) is for editors.',
    '',
    '| key | meaning |',
    '| --- | --- |',
    ...rows(schema, ''),
    '',
    '## Sets of CPUs in words',
    '',
    'One file may serve many hosts: a set is worked out on the machine that reads it, and refused there, with line and key,',
    'when it does not fit.',
    '',
    '```',
    GRAMMAR,
    '```',
    '',
    '`core` takes whole cores, so SMT siblings stay together. `N` is the last CPU that is *online* (to the kernel, it is the last one',
    'possible), and a list with an `N` or the word `all` leaves offline CPUs out; a CPU named by its number must be online. What ends',
    'up in boot arguments is always a plain list.',
    '',
    '```yaml',
    'isolated: all but the first core of each node',
    'classes:',
    '  - name: edge-*        # and, if given, as many CPUs',
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
