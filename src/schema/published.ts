// SPDX-License-Identifier: MIT
import * as z from 'zod'
import {InitSchema} from './init.ts'
import {KernelBuildSchema} from './kernel-build.ts'
import {KernelListSchema} from './kernel-list.ts'
import {LaunchSchema} from './launch.ts'
import {LintSchema} from './lint.ts'
import {ApplySchema, ConfirmSchema, StatusSchema, TopologySchema, UndoSchema} from './machine.ts'
import {MeasureSchema} from './measure.ts'
import {ReportSchema} from './preflight.ts'
import {RunsSchema} from './runs.ts'
import {StopSchema} from './stop.ts'

const SCHEMAS = [
  ApplySchema,
  ConfirmSchema,
  InitSchema,
  KernelBuildSchema,
  KernelListSchema,
  LaunchSchema,
  LintSchema,
  MeasureSchema,
  ReportSchema,
  RunsSchema,
  StatusSchema,
  StopSchema,
  TopologySchema,
  UndoSchema,
]

/**
 * The schemas of what `--json` prints: the path of each file, and the function that writes it.
 * "isolctl.launch/1" is launch-1.json.
 */
export const PUBLISHED: Readonly<Record<string, () => string>> = Object.fromEntries(
  SCHEMAS.map((schema) => {
    const name = schema.shape.schema.value
    const {$schema, ...rest} = z.toJSONSchema(schema)
    return [
      `docs/schema/${name.replace(/^isolctl\./, '').replace('/', '-')}.json`,
      () => `${JSON.stringify({$schema, title: name, ...rest}, null, 2)}\n`,
    ]
  }),
)
