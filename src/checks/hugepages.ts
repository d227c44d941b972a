// SPDX-License-Identifier: MIT
import {hugepages} from '../facts/hugepages.ts'
import {nodes} from '../facts/nodes.ts'
import {settings} from '../facts/settings.ts'
import {defineCheck} from './check.ts'

const size = (kb: number) =>
  kb >= 1024 * 1024 ? `${kb / 1024 / 1024} GiB` : kb >= 1024 ? `${kb / 1024} MiB` : `${kb} KiB`

export default defineCheck({
  id: 'hugepages',
  title: 'huge pages are free on the right node',
  why: 'A program that finds too few huge pages near its CPUs fails when it starts, or uses the memory of another node.',
  values: 'The free pages of the size that the config asks for, on the nodes of the isolated CPUs.',
  facts: {hugepages, nodes, settings},
  skip: ({settings}) => ((settings.hugepages?.size ?? 0) === 0 ? 'the config asks for none' : undefined),
  judge({hugepages, nodes, settings: {isolated, ...settings}}) {
    const near = [...nodes].filter(([, cpus]) => !cpus.isDisjointFrom(isolated)).map(([node]) => node)
    return [...(settings.hugepages ?? [])].flatMap(([sizeKb, wanted]) => {
      const free = hugepages
        .filter((pages) => pages.sizeKb === sizeKb && near.includes(pages.node))
        .reduce((sum, pages) => sum + pages.free, 0)
      if (free >= wanted) return []
      return [
        {
          severity: 'fail' as const,
          subject: `huge pages of ${size(sizeKb)}`,
          message: `too few are free on node ${near.join(', ')}`,
          expected: `${wanted}`,
          actual: `${free}`,
          remedy: {
            text: 'reserve them; pages of 1 GiB often only at boot (hugepagesz, hugepages)',
            command: `echo ${wanted} > /sys/devices/system/node/node${near[0] ?? 0}/hugepages/hugepages-${sizeKb}kB/nr_hugepages`,
          },
        },
      ]
    })
  },
  evidence: ({settings}) =>
    [...(settings.hugepages ?? [])].map(([kb, count]) => `${count} of ${size(kb)}`).join(', '),
  reference: 'Documentation/admin-guide/mm/hugetlbpage.rst',
})
