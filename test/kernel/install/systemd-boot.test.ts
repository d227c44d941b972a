// SPDX-License-Identifier: MIT
import {expect, test} from 'vitest'
import {loaderVariable} from '../../../src/boot/firmware.ts'
import {memoryHost} from '../../../src/host/memory.ts'
import {systemdBootControl} from '../../../src/kernel/install/systemd-boot.ts'

const [STOCK, OURS] = ['6.12.1-amd64', '6.12.9-isolctl']
const ENTRIES = '/efi/loader/entries'
const entry = (release: string, options: string) =>
  `title Debian\nversion ${release}\noptions root=UUID=1234 ro ${options}\nlinux /k/${release}/linux\ninitrd /k/${release}/initrd\n`

/** The settings of bootctl are EFI variables: four bytes of attributes, then UTF-16. */
function machine(more: Readonly<Record<string, string>> = {}) {
  const memory = memoryHost({
    [`${ENTRIES}/0b8f-${STOCK}.conf`]: entry(STOCK, 'quiet'),
    [`${ENTRIES}/0b8f-${OURS}.conf`]: entry(OURS, 'quiet'),
    ...more,
  })
  memory.run = async ([program, verb, name = '']) => {
    const variable = {'set-default': 'LoaderEntryDefault', 'set-oneshot': 'LoaderEntryOneShot'}[verb ?? '']
    if (program !== 'bootctl' || variable === undefined) throw new Error(`${program} ${verb}: not expected`)
    if (name === '') memory.files.delete(loaderVariable(variable))
    else memory.files.set(loaderVariable(variable), `\x07\0\0\0${[...name].join('\0')}\0\0\0`)
    return {stdout: ''}
  }
  return {memory, control: systemdBootControl(memory, '/efi')}
}

test('the entry of a trial is a copy of that of the old kernel, with the new kernel', async () => {
  const {memory, control} = machine()
  await control.pin(STOCK)
  await control.writeTrial(OURS, STOCK, ['panic=30'])
  await control.arm()
  expect(memory.files.get(`${ENTRIES}/isolctl-trial.conf`)).toBe(
    entry(OURS, 'quiet panic=30').replace('title Debian', `title isolctl: trial of ${OURS}`),
  )
  expect([await control.defaultRelease(), await control.armed()]).toEqual([STOCK, true])
  await control.disarm()
  await control.dropTrial()
  await control.unpin()
  expect([...memory.files.keys()].sort()).toEqual([...machine().memory.files.keys()].sort())
})

test('on a machine that apply isolated, the entry of apply is pinned and copied for the trial', async () => {
  const own = `${ENTRIES}/isolctl-${STOCK}.conf`
  const {memory, control} = machine({[own]: entry(STOCK, 'quiet isolcpus=2')})
  await control.pin(STOCK)
  await control.writeTrial(OURS, STOCK, ['panic=30'])
  expect(memory.files.get(`${ENTRIES}/isolctl-trial.conf`)).toContain(
    `options root=UUID=1234 ro quiet isolcpus=2 panic=30\nlinux /k/${OURS}/linux\n`,
  )
  expect(memory.files.get(loaderVariable('LoaderEntryDefault'))?.replaceAll('\0', '')).toContain(
    `isolctl-${STOCK}.conf`,
  )
})

test('a kernel without an entry is neither pinned nor tried', async () => {
  const {control} = machine()
  await expect(control.pin('5.10.0-1-amd64')).rejects.toThrow('systemd-boot has no entry for 5.10.0-1-amd64')
  await expect(control.writeTrial(OURS, '5.10.0-1-amd64', [])).rejects.toThrow('has no entry')
})
