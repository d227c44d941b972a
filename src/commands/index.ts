// SPDX-License-Identifier: MIT
import type {Command} from '@oclif/core'
import Explain from './explain.ts'
import LabRun from './lab/run.ts'
import Preflight from './preflight.ts'

/** Every command, by its id. A static table: no discovery on disk, and a broken import is an error at start. */
export const COMMANDS: Record<string, Command.Class> = {
  explain: Explain,
  'lab:run': LabRun,
  preflight: Preflight,
}
