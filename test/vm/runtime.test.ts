// SPDX-License-Identifier: MIT
/** What only systemd can show: a unit that applies at boot, slices, and a dead man's switch that outlives its login. */
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, expect, test} from 'vitest'
import {debianImage, overlay} from './support/image.ts'
import {isolctlDisk} from './support/isolctl.ts'
import {startVm} from './support/machine.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'isolctl-vm-'))
})
afterAll(() => rm(folder, {recursive: true, force: true}))

const MASK = '/sys/devices/virtual/workqueue/cpumask'
const SLICE = '/sys/fs/cgroup/system.slice/cpuset.cpus'

test('a Debian takes back what nobody confirmed, holds its slices, and applies again at boot until undo', async () => {
  const image = await debianImage('grub', (line) => process.stderr.write(`${line}\n`))
  await using vm = await startVm({disk: await overlay(image, folder), data: await isolctlDisk(folder)})
  await vm.ready()
  const apply = 'isolctl apply --cpus 1 --yes --runtime'
  const mask = () => vm.must(`cat ${MASK}`)
  const before = await mask()
  expect(before.trim()).toBe('3')

  // The timer is systemd's, not a child of the shell that is gone by then.
  await vm.must(`${apply} --only workqueue-cpumask --confirm-within 3s`)
  expect((await mask()).trim()).toBe('1')
  await vm.must(`for try in $(seq 120); do [ $(cat ${MASK}) = 3 ] && break; sleep 1; done; sleep 2`)
  expect(await mask()).toBe(before)
  expect(await vm.sh('isolctl confirm')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('was taken back'),
  })
  await vm.must(`${apply} --only workqueue-cpumask --confirm-within 1h; isolctl confirm`)
  expect(await vm.must("systemctl list-timers --all --plain --no-legend 'isolctl*'")).toBe('')
  await vm.must('isolctl undo')

  await vm.must(`${apply} --only systemd-slices`)
  expect((await vm.must(`cat ${SLICE}`)).trim()).toBe('0')
  await vm.must('isolctl undo')
  expect((await vm.must(`cat ${SLICE} 2>/dev/null || echo`)).trim()).toBe('')

  const applied = await vm.sh(`${apply} --persist`)
  expect([0, 3]).toContain(applied.exitCode)
  await vm.must('systemctl is-enabled isolctl.service && systemd-analyze verify isolctl.service')
  await vm.reboot()
  expect((await mask()).trim()).toBe('1')
  expect(await vm.must('systemctl show -p ActiveState,Result --value isolctl.service')).toBe(
    'success\nactive\n',
  )
  const started = (unit: string) => `systemctl show -p ActiveEnterTimestampMonotonic --value ${unit}`
  const [ours = 0, ordinary = 0] = (
    await vm.must(`${started('isolctl.service')}; ${started('basic.target')}`)
  )
    .trim()
    .split('\n')
    .map(Number)
  expect(ours).toBeGreaterThan(0)
  expect(ours).toBeLessThanOrEqual(ordinary)
  expect(await vm.must('journalctl -b -u isolctl.service --no-pager')).toMatch(/applied: \d+ changes/)
  expect(await vm.must('isolctl status; true')).toContain('isolctl.service')

  await vm.must('isolctl undo')
  expect(
    await vm.must(
      'ls /etc/systemd/system/isolctl.service /etc/systemd/system/*.wants/isolctl.service 2>/dev/null; true',
    ),
  ).toBe('')
  expect(await mask()).toBe(before)
  await vm.reboot()
  expect(await mask()).toBe(before)
  await vm.powerOff()
}, 900_000)
