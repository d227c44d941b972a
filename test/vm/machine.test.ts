// SPDX-License-Identifier: MIT
/** Tests of the harness itself: when they fail, the results of all other vm tests mean nothing. */
import {afterAll, beforeAll, expect, test} from 'vitest'
import type {Loader} from './support/image.ts'
import {bootReport, startVm} from './support/machine.ts'
import {LOADERS, openWorkshop, type Workshop} from './support/workshop.ts'

let workshop: Workshop
beforeAll(async () => {
  workshop = await openWorkshop()
})
afterAll(() => workshop.close())

/** As an administrator does it manually. */
const NEW_ARGUMENTS: Record<Loader, string> = {
  grub: 'sed -i s/quiet/vm.test=1/ /etc/default/grub && update-grub',
  'systemd-boot':
    'sed -i s/quiet/vm.test=1/ /etc/kernel/cmdline && kernel-install add $(uname -r) /boot/vmlinuz-$(uname -r)',
}

test.for(LOADERS)(
  'a machine with %s boots, runs scripts, accepts boot arguments, and keeps what was flushed',
  async (loader) => {
    const options = await workshop.machine(loader)
    const first = await bootReport(options)
    expect(first.release).toMatch(/^\d+\.\d+\..*-cloud-amd64$/)
    expect(first.cmdline).toMatch(/root=UUID=\S+ ro .*console=ttyS0/)
    {
      await using vm = await startVm({...options, mode: 'agent'})
      expect((await vm.ready()).release).toBe(first.release)
      const result = await vm.sh('echo out; echo err >&2; isolctl topology --json; exit 7')
      expect(result).toMatchObject({exitCode: 7, stderr: 'err\n'})
      expect(result.stdout).toMatch(/^out\n\{/)
      await vm.must(`${NEW_ARGUMENTS[loader]}; echo kept >/root/flushed; sync`)
      await vm.must('echo lost >/root/not-flushed')
      await vm.cut()
    }
    expect((await bootReport(options)).cmdline).toMatch(/^(initrd=\S+ |BOOT_IMAGE=\S+ )?root=.* vm\.test=1/)
    await using vm = await startVm({...options, mode: 'agent'})
    await vm.ready()
    expect(await vm.must('cat /root/flushed; ls /root/not-flushed || true')).toBe('kept\n')
    await vm.powerOff()
  },
)

test('a complete system starts, and starts again after a reboot', async () => {
  await using vm = await startVm(await workshop.machine('grub'))
  const first = await vm.ready()
  const state = await vm.must(
    'while state=$(systemctl is-system-running); [ "$state" != running ] && [ "$state" != degraded ]; do sleep 1; done; echo $state; systemctl --failed --plain --no-legend',
  )
  expect(state).toBe('running\n')
  const second = await vm.reboot()
  expect(second.release).toBe(first.release)
  expect(second.bootId).not.toBe(first.bootId)
  await vm.powerOff()
})
