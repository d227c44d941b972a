// SPDX-License-Identifier: MIT
import {told} from '../facts/fact.ts'
import {isolationKernels} from '../facts/installed-kernels.ts'
import {kernel} from '../facts/kernel.ts'
import {defineCheck} from './check.ts'

export default defineCheck({
  id: 'kernel-running-is-installed',
  title: 'the isolation kernel is the one running',
  why: 'After an update, a failed trial boot or a wrong menu entry, the machine runs another kernel than the one that was installed for isolation. Nothing else shows it.',
  values: 'Expected is the kernel that isolctl installed. Found is the kernel that was booted.',
  facts: {isolationKernels: told(isolationKernels), kernel},
  skip: ({isolationKernels}) =>
    isolationKernels.length === 0 ? 'no kernel with task isolation is installed below /boot' : undefined,
  judge: ({isolationKernels, kernel: {release}}) =>
    isolationKernels.includes(release)
      ? []
      : [
          {
            severity: 'warn',
            subject: 'kernel',
            message: 'the machine was booted with another kernel',
            expected: isolationKernels.join(' or '),
            actual: release,
          },
        ],
  evidence: ({kernel: {release}}) => release,
  remedy: {text: 'select its entry in the boot menu, or make it the default, and reboot'},
  reference: 'Documentation/admin-guide/README.rst',
})
