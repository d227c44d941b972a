// SPDX-License-Identifier: MIT
import {describe, expect, it, test} from 'vitest'
import {gatherer} from '../../src/facts/fact.ts'
import {irqDefault, irqs} from '../../src/facts/irqs.ts'
import {workqueues} from '../../src/facts/workqueues.ts'
import type {HostView} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'

const machine = {
  '/proc/irq/default_smp_affinity': 'ff\n',
  '/proc/irq/0/smp_affinity_list': '0-7\n',
  '/sys/kernel/irq/0/actions': '',
  '/proc/irq/9/smp_affinity_list': '0-7\n',
  '/proc/irq/9/effective_affinity_list': '\n',
  '/sys/kernel/irq/9/actions': 'acpi,ehci_hcd:usb1\n',
  '/proc/irq/24/smp_affinity_list': '4\n',
  '/proc/irq/24/effective_affinity_list': '4\n',
  '/sys/kernel/irq/24/actions': 'nvme0q3\n',
}

const read = (files: Record<string, string>) => gatherer(memoryHost(files))(irqs)
const without = (path: string) =>
  Object.fromEntries(Object.entries(machine).filter(([file]) => file !== path))

describe('interrupts', () => {
  it('are those with a handler', async () => {
    expect((await read(machine)).map(({irq, actions}) => [irq, actions])).toEqual([
      [9, ['acpi', 'ehci_hcd:usb1']],
      [24, ['nvme0q3']],
    ])
  })

  it('lack the fields that the kernel does not report', async () => {
    const [acpi, nvme] = await read(machine)
    expect(acpi).toMatchObject({affinityText: '0-7'})
    expect(acpi).not.toHaveProperty('effective')
    expect(`${nvme?.effective}`).toBe('4')
  })

  it('are not movable when the file is read-only, and else possibly movable', async () => {
    const host: HostView = {
      ...memoryHost(machine),
      mode: async (path) => (path.includes('/24/') ? 0o100444 : 0o100644),
    }
    const [acpi, nvme] = await gatherer(host)(irqs)
    expect(acpi).not.toHaveProperty('movable')
    expect(nvme?.movable).toBe(false)
  })

  it('that were freed meanwhile are skipped', async () => {
    expect(
      await read({...without('/proc/irq/24/smp_affinity_list'), '/sys/kernel/irq/24/actions': ''}),
    ).toHaveLength(1)
  })

  test.for([
    ['/proc/irq/24/smp_affinity_list', '/proc/irq/24/smp_affinity_list does not exist'],
    ['/sys/kernel/irq/24/actions', '/sys/kernel/irq/24/actions does not exist'],
  ])('are unknown when %s was not captured', async ([path, message]) => {
    // The folder of the interrupt exists, so this is a hole in the capture and not a freed
    // interrupt.
    await expect(read({...without(path ?? ''), '/proc/irq/24/node': '0\n'})).rejects.toThrow(message)
  })

  it('are unknown on a capture without them', async () => {
    await expect(read({'/proc/version': 'Linux'})).rejects.toThrow('/proc/irq does not exist')
    await expect(read({'/proc/irq/9/smp_affinity_list': '0\n'})).rejects.toThrow(
      '/sys/kernel/irq does not exist',
    )
  })

  it('report the file that cannot be parsed', async () => {
    await expect(read({...machine, '/proc/irq/24/smp_affinity_list': 'x'})).rejects.toThrow(
      '/proc/irq/24/smp_affinity_list: not a cpulist: "x"',
    )
  })

  it('start with the default mask', async () => {
    const {affinity, text} = await gatherer(memoryHost(machine))(irqDefault)
    expect(`${affinity}`).toBe('0-7')
    expect(text).toBe('ff')
  })
})

describe('unbound workqueues', () => {
  const base = '/sys/devices/virtual/workqueue'
  it('have a mask, and on newer kernels a requested and an isolated mask', async () => {
    const old = await gatherer(memoryHost({[`${base}/cpumask`]: 'ffffffff,ffffffff\n'}))(workqueues)
    expect(`${old.cpumask}`).toBe('0-63')
    expect(old).not.toHaveProperty('requested')
    const files = {
      [`${base}/cpumask`]: '03\n',
      [`${base}/cpumask_requested`]: '0f\n',
      [`${base}/cpumask_isolated`]: '0c\n',
    }
    const now = await gatherer(memoryHost(files))(workqueues)
    expect([now.cpumaskText, `${now.requested}`, `${now.isolated}`]).toEqual(['03', '0-3', '2-3'])
  })

  it('are unknown without the file', async () => {
    await expect(gatherer(memoryHost({}))(workqueues)).rejects.toThrow(`${base}/cpumask does not exist`)
  })
})
