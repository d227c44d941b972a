// SPDX-License-Identifier: MIT
import {mkdtemp, rm} from 'node:fs/promises'
import {tmpdir} from 'node:os'
import {join} from 'node:path'
import {afterAll, beforeAll, describe, expect, test} from 'vitest'
import {PlanSchema} from '../../src/plan/plan.ts'
import {isolctl} from '../commands/isolctl.ts'
import {fieldFolder, unpackField} from '../support/field.ts'

const cases = fieldFolder('cases')
const title = `boot loaders of operators' machines${cases ? '' : ' (skipped: no ../shared/cases beside the checkout)'}`

describe.skipIf(cases === undefined)(title, () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'isolctl-boot-'))
  })
  afterAll(() => rm(folder, {recursive: true}))

  const planOn = async (name: string) => {
    const root = await unpackField(join(cases ?? '', `${name}.tar.xz`), folder)
    const argv = ['plan', '--root', root, '--cpus', '2-3', '--only', 'boot-arguments', '--json']
    const {stdout} = await isolctl(...argv)
    const {steps, unknown} = PlanSchema.parse(JSON.parse(stdout))
    expect(unknown).toEqual([])
    return steps[0]?.changes ?? []
  }

  test('Proxmox on ZFS: the file of arguments and proxmox-boot-tool, no GRUB', async () => {
    const changes = await planOn('proxmox-zfs')
    const refresh = ['/usr/sbin/proxmox-boot-tool', 'refresh']
    expect(changes).toMatchObject([
      {kind: 'run', argv: null, undo: refresh},
      {
        kind: 'file',
        path: '/etc/kernel/cmdline',
        from: 'root=ZFS=rpool/ROOT/pve-1 boot=zfs\n',
        to: expect.stringMatching(
          /^root=ZFS=rpool\/ROOT\/pve-1 boot=zfs isolcpus=\S+2-3 nohz_full=2-3 .*\n$/,
        ),
      },
      {kind: 'run', argv: refresh, undo: null},
    ])
    expect(JSON.stringify(changes)).not.toContain('grub')
  })

  test('RHEL 8 on UEFI: an entry for GRUB with $kernelopts resolved, and saved_entry in the ESP', async () => {
    const changes = await planOn('rhel8-uefi')
    expect(changes).toMatchObject([
      {
        kind: 'file',
        path: '/boot/loader/entries/isolctl-4.18.0-553.el8_10.x86_64.conf',
        to: expect.stringMatching(
          /^options root=\/dev\/mapper\/rhel-root ro crashkernel=auto rhgb quiet \$tuned_params isolcpus=/m,
        ),
      },
      {
        kind: 'grubenv',
        path: '/boot/efi/EFI/redhat/grubenv',
        name: 'saved_entry',
        from: 'b2a1c0d9e8f74655a4b3c2d1e0f9a8b7-4.18.0-553.el8_10.x86_64',
        to: 'isolctl-4.18.0-553.el8_10.x86_64',
        editenv: '/usr/bin/grub2-editenv',
      },
    ])
    expect(JSON.stringify(changes)).not.toContain('loader.conf')
  })
})
