// SPDX-License-Identifier: MIT
import {tracers} from '../facts/tracing.ts'
import {defineCheck} from './check.ts'

const WANTED = ['osnoise', 'timerlat']

export default defineCheck({
  id: 'kernel-tracers',
  title: 'the kernel can trace operating system noise',
  why: 'When nothing else names a disturbance, the tracers osnoise and timerlat find it.',
  values: 'Each finding is a tracer that the kernel lacks.',
  extended: true,
  facts: {tracers},
  judge: ({tracers}) =>
    WANTED.filter((name) => !tracers.includes(name)).map((name) => ({
      severity: 'warn',
      subject: name,
      message: 'this kernel does not have it',
    })),
  remedy: {text: 'boot a kernel with CONFIG_OSNOISE_TRACER and CONFIG_TIMERLAT_TRACER'},
  reference: 'Documentation/trace/osnoise-tracer.rst',
})
