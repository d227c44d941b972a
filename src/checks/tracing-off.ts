// SPDX-License-Identifier: MIT
import {tracing} from '../facts/tracing.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'tracing-off',
  title: 'nothing is being traced',
  why: 'To turn a tracepoint on or off patches kernel code, which interrupts every CPU about thirty times. Tracers add work to every kernel entry.',
  values: 'The tracer of each instance, nop for none, and the number of enabled events.',
  facts: {tracing},
  judge: ({tracing}) =>
    tracing
      .filter(({tracer, events}) => tracer !== 'nop' || events > 0)
      .map(({instance, tracer, events}) => ({
        severity: 'warn',
        subject: instance,
        message: tracer === 'nop' ? `${events} events are on` : `the tracer ${tracer} is on`,
        remedy: {
          text: 'stop the program that traces; to turn off what it left on',
          command:
            tracer === 'nop' ? `echo 0 > ${instance}/events/enable` : `echo nop > ${instance}/current_tracer`,
        },
      })),
  reference: 'Documentation/trace/ftrace.rst',
})
