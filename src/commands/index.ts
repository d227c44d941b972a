// SPDX-License-Identifier: MIT
import type {Command} from '@oclif/core'
import Apply from './apply.ts'
import Capture from './capture.ts'
import Confirm from './confirm.ts'
import Explain from './explain.ts'

import Init from './init.ts'

import KernelInstall from './kernel/install.ts'
import KernelJudge from './kernel/judge.ts'
import KernelList from './kernel/list.ts'
import KernelPromote from './kernel/promote.ts'
import KernelRemove from './kernel/remove.ts'
import KernelRollback from './kernel/rollback.ts'
import KernelVerify from './kernel/verify.ts'

import LabBuild from './lab/build.ts'
import LabDemo from './lab/demo.ts'
import LabRun from './lab/run.ts'
import LabShell from './lab/shell.ts'
import LabStory from './lab/story.ts'
import Launch from './launch.ts'
import Lint from './lint.ts'
import Plan from './plan.ts'
import Preflight from './preflight.ts'
import Status from './status.ts'
import Topology from './topology.ts'
import Undo from './undo.ts'

/** Every command, by its id. A static table: no discovery on disk, and a broken import is an error at start. */
export const COMMANDS: Record<string, Command.Class> = {
  confirm: Confirm,
  explain: Explain,
  init: Init,
  'kernel:install': KernelInstall,
  'kernel:judge': KernelJudge,
  'kernel:list': KernelList,
  'kernel:promote': KernelPromote,
  'kernel:remove': KernelRemove,
  'kernel:rollback': KernelRollback,
  'kernel:verify': KernelVerify,
  'lab:build': LabBuild,
  'lab:demo': LabDemo,
  'lab:run': LabRun,
  'lab:story': LabStory,
  'lab:shell': LabShell,
  apply: Apply,
  capture: Capture,
  launch: Launch,
  lint: Lint,
  preflight: Preflight,
  plan: Plan,
  status: Status,
  topology: Topology,
  undo: Undo,
}
