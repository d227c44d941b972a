// SPDX-License-Identifier: MIT
import {cmdline} from '../facts/cmdline.ts'
import {defineCheck} from './check.ts'

const LISTS = new Set(['isolcpus', 'nohz_full', 'rcu_nocbs', 'irqaffinity'])

export default defineCheck({
  id: 'cmdline-quoting',
  title: 'CPU lists at boot carry no stray characters',
  why: 'The kernel removes double quotes around an argument, and no other quoting. A single quote or a backslash from a shell or from the files of GRUB becomes part of the list, and the kernel refuses the list.',
  values: 'Each finding is an argument with a quote or a backslash in its list, as it was given.',
  facts: {cmdline},
  judge: ({cmdline}) =>
    cmdline.args
      .filter(({name, value = ''}) => LISTS.has(name) && /['"\\$`;]/.test(value))
      .map(({name, text}) => ({
        severity: 'fail',
        subject: name,
        message: `${text} has a quote or an escape in it`,
      })),
  remedy: {text: 'write the list without quotes and reboot'},
  reference: 'lib/cmdline.c: next_arg',
})
