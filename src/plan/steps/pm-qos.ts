// SPDX-License-Identifier: MIT
import {resumeLatencies} from '../../facts/idle.ts'
import {defineStep} from '../step.ts'
import {turn} from '../turn.ts'

export const pmQos = defineStep({
  id: 'pm-qos',
  check: 'pm-qos-resume',
  title: ({isolated}) => `Let CPUs ${isolated} wake up without delay`,
  blast: 'these CPUs use more power while idle and leave less thermal budget for the others',
  facts: {resumeLatencies},
  // "n/a" allows no latency, "0" is no limit (drivers/base/power/sysfs.c:
  // pm_qos_resume_latency_us_show).
  plan: ({resumeLatencies}) => ({changes: resumeLatencies.flatMap((each) => turn(each, 'n/a'))}),
})
