// SPDX-License-Identifier: MIT
import {kernelConfig} from '../facts/kernel-config.ts'
import {defineCheck} from './check.ts'

const NEEDED = ['NO_HZ_FULL', 'CPU_ISOLATION', 'RCU_NOCB_CPU', 'CPUSETS']

export default defineCheck({
  id: 'kernel-config-nohz-full',
  title: 'the kernel was built for CPU isolation',
  why: 'Without these options, the boot arguments for isolation have no effect.',
  values: 'The options of the running kernel. y passes. A pass names the file that was read.',
  facts: {kernelConfig},
  judge: ({kernelConfig: {symbols, path}}) =>
    NEEDED.filter((name) => symbols.get(name) !== 'y').map((name) => ({
      severity: 'fail',
      subject: path,
      message: `CONFIG_${name} is off`,
      expected: 'y',
      actual: symbols.get(name) ?? 'not set',
    })),
  evidence: ({kernelConfig: {path}}) => path,
  remedy: {text: 'boot a kernel with these options; most distribution kernels for servers have them'},
  reference: 'Documentation/timers/no_hz.rst',
})
