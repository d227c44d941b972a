// SPDX-License-Identifier: MIT
import type {Command} from '@oclif/core'
import LabRun from './lab/run.ts'
import Launch from './launch.ts'
import Preflight from './preflight.ts'

/** Every command, by its id. A static table: no discovery on disk, and a broken import is an error at start. */
export const COMMANDS: Record<string, Command.Class> = {
  'lab:run': LabRun,
  launch: Launch,
  preflight: Preflight,
}
