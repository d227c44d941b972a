// SPDX-License-Identifier: MIT
import {cmdline} from '../facts/cmdline.ts'
import {defineCheck} from './check.ts'

const LISTS = new Set(['isolcpus', 'nohz_full', 'rcu_nocbs', 'irqaffinity'])

/** What a list has in it that no list can have. */
function strange(value: string): string | undefined {
  if (/['"\\$`]/.test(value)) return 'a quote or an escape'
  if (value.includes(';')) return 'a semicolon'
  return /[^\t-\r\x20-\x7e]/.test(value)
    ? 'a character that is not ASCII, such as a no-break space or a typographic dash,'
    : undefined
}

export default defineCheck({
  id: 'cmdline-quoting',
  title: 'CPU lists at boot carry no stray characters',
  why: 'The kernel removes double quotes around an argument, and no other quoting. A single quote or a backslash from a shell or from the files of GRUB becomes part of the list, and the kernel refuses the list. A no-break space or a dash that was copied from a document does the same.',
  values:
    'Each finding is an argument with a quote, a backslash or a non-ASCII character in its list, as it was given.',
  facts: {cmdline},
  judge: ({cmdline}) =>
    cmdline.args
      .filter(({name}) => LISTS.has(name))
      .flatMap(({name, value = '', text}) => {
        const what = strange(value)
        return what === undefined
          ? []
          : [{severity: 'fail' as const, subject: name, message: `${text} has ${what} in it`}]
      }),
  remedy: {text: 'write the list without quotes and reboot'},
  reference: 'lib/cmdline.c: next_arg',
})
