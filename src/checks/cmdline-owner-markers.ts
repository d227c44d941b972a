// SPDX-License-Identifier: MIT

import {parseLoaderEntry} from '../boot/loader-entry.ts'
import type {BootLoader} from '../boot/loaders.ts'
import {isOwn} from '../boot/own-entry.ts'
import {wholeBootLoader} from '../facts/boot-loader.ts'
import {defineCheck} from './check.ts'

const ISOLATION = /(?:^|[\s"'])(isolcpus|nohz_full|rcu_nocbs|irqaffinity)=/g

/** Files and entries of others that may carry boot arguments, as they are. */
function foreignTexts(loader: BootLoader): readonly {readonly path: string; readonly text: string}[] {
  if (loader.kind === 'grub')
    return loader.state.others.map(({path, text}) => ({path, text: text.replaceAll(/^\s*#.*$/gm, '')}))
  if (loader.kind !== 'grub-bls' && loader.kind !== 'systemd-boot') return []
  return loader.state.entries
    .filter((entry) => !isOwn(entry))
    .map(({path, text}) => ({path, text: parseLoaderEntry(text).options}))
}

export default defineCheck({
  id: 'cmdline-owner-markers',
  title: 'isolation arguments stand in one place, ours',
  why: 'A file of the distribution, an installer or another tuning tool can set the same argument. The boot loader then passes both, or keeps the other one after undo removes ours. An argument that is set in one file can be changed and undone there.',
  values:
    'Each finding is another file that sets isolation arguments. After the next update of either file, one of the two takes effect.',
  facts: {bootLoader: wholeBootLoader},
  skip({bootLoader: {kind}}) {
    if (kind === 'proxmox') return '/etc/kernel/cmdline is the only place'
    return kind === 'none' || kind === 'other'
      ? 'no boot loader whose configuration isolctl reads'
      : undefined
  },
  judge: ({bootLoader}) =>
    foreignTexts(bootLoader).flatMap(({path, text}) => {
      const names = [...new Set([...text.matchAll(ISOLATION)].map(([, name]) => name))]
      if (names.length === 0) return []
      return [{severity: 'warn' as const, subject: path, message: `sets ${names.join(', ')} as well`}]
    }),
  evidence: ({bootLoader}) => `${foreignTexts(bootLoader).length} other places looked at`,
  remedy: {
    text: 'remove them there: isolctl apply keeps them in a file of its own',
  },
  reference: 'grub-mkconfig(8), Boot Loader Specification',
})
