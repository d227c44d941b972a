// SPDX-License-Identifier: MIT
import {kernelCost} from '../kernel-tests/cost.ts'
import {isolationQuality} from '../kernel-tests/quality.ts'
import {ablation} from './ablation.ts'
import {largeApply} from './apply.ts'
import {checkScript} from './check.ts'
import {warmDemo} from './demo.ts'
import {compareKernelBuilds} from './kernel-build.ts'
import {launchCosts} from './launch.ts'
import {comparePackageBuilds} from './package-build.ts'
import {largePreflight} from './preflight.ts'
import {spinLoop} from './spin-loop.ts'
import {startUp} from './start-up.ts'
import type {Subject} from './subject.ts'
import {compareWithTuned} from './tuned.ts'

/**
 * Every benchmark by its name, the quick ones first. The name of a subject in bench/ is that of its
 * file.
 */
export const SUBJECTS: Readonly<Record<string, Subject>> = {
  'start-up': {
    measures: 'isolctl --version against node -e 0',
    load: 'seconds',
    packages: 'node',
    measure: startUp,
  },
  'spin-loop': {
    measures: "one pass of the spinner's loop against a loop that only reads the counter",
    load: 'seconds',
    packages: 'node',
    measure: spinLoop,
  },
  preflight: {
    measures: 'preflight of a captured machine of 1024 CPUs, and of parts of it',
    load: 'a minute; 100,000 files in the temporary directory',
    packages: 'node',
    measure: largePreflight,
  },
  apply: {
    measures: 'plan, apply and undo on 512 CPUs with 4096 interrupts, in files',
    load: 'half a minute; files in /dev/shm',
    packages: 'node',
    measure: largeApply,
  },
  ablation: {
    measures: 'checks and steps with one file of a captured machine removed, emptied or damaged',
    load: 'minutes; ISOLCTL_TREES names a folder of more captures',
    packages: 'node',
    measure: ablation,
  },
  check: {
    measures: 'npm run check',
    load: 'a minute; all CPUs',
    packages: 'node',
    measure: checkScript,
  },
  demo: {
    measures: 'npm run demo with the kernel in the cache',
    load: 'two minutes; builds the lab kernel first if needed',
    packages: 'lab',
    measure: warmDemo,
  },
  launch: {
    measures: 'isol-exec and isolctl launch against taskset and chrt; time until isolated',
    load: 'two minutes; runs programs on CPU 1; builds the lab kernel first if needed',
    packages: 'lab',
    measure: launchCosts,
  },
  tuned: {
    measures: 'preflight against tuned-adm and tuna, in the lab',
    load: 'minutes; downloads Debian packages; builds the lab kernel first if needed',
    packages: 'lab',
    measure: compareWithTuned,
  },
  'kernel-cost': {
    measures: 'what the kernel series costs, in instructions counted by QEMU',
    load: 'minutes; builds two lab kernels first if needed',
    packages: 'lab',
    measure: kernelCost,
  },
  isolation: {
    measures: 'interrupts of one CPU and losses of isolation beside a busy machine, in the lab',
    load: 'three times --seconds (60), of which two are 120 s at most; builds the lab kernel first if needed',
    packages: 'lab',
    options: ['seconds'],
    measure: isolationQuality,
  },
  'kernel-build': {
    measures: 'the lab kernel compiled from nothing by isolctl and by bare make',
    load: 'two cold builds without ccache',
    packages: 'lab',
    measure: compareKernelBuilds,
  },
  'package-build': {
    measures: 'isolctl kernel build and bare make bindeb-pkg, from nothing, with --kconfig FILE',
    load: "two cold builds without ccache: hours with a distribution's configuration, the default",
    packages: 'package',
    options: ['kconfig'],
    measure: comparePackageBuilds,
  },
}
