// SPDX-License-Identifier: MIT
import {tracing} from '../facts/tracing.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'tracing-off',
  title: 'nothing is being traced',
  why: 'To turn a tracepoint on or off patches kernel code, which interrupts every CPU about thirty times. Tracers add work to every kernel entry.',
  values: 'The tracer of each instance, nop for none, and the number of enabled events.',
  facts: {tracing},
  judge({tracing}) {
    const findings = tracing
      .filter(({tracer, events = 0}) => tracer !== 'nop' || events > 0)
      .map(({instance, tracer, events}) => ({
        severity: 'warn' as const,
        subject: instance,
        message: tracer === 'nop' ? `${events} events are on` : `the tracer ${tracer} is on`,
        remedy: {
          text: 'stop the program that traces; to turn off what it left on',
          command:
            tracer === 'nop' ? `echo 0 > ${instance}/events/enable` : `echo nop > ${instance}/current_tracer`,
        },
      }))
    const blind = tracing.find(({events}) => events === undefined)
    if (findings.length === 0 && blind !== undefined)
      return {
        unknown: `whether an event is on: ${blind.instance}/set_event is empty, and events/enable does not say that none is`,
      }
    return findings
  },
  reference: 'Documentation/trace/ftrace.rst',
})
