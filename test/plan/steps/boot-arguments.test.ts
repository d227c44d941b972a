// SPDX-License-Identifier: MIT

import fc from 'fast-check'
import {describe, expect, it, test} from 'vitest'
import {memoryHost} from '../../../src/host/memory.ts'
import {CpuSet} from '../../../src/model/cpuset.ts'
import type {Settings} from '../../../src/model/settings.ts'
import {makePlan} from '../../../src/plan/plan.ts'
import {bootArguments} from '../../../src/plan/steps/boot-arguments.ts'
import {alive, applyAll, contents, dieAt, machine, undoAll} from '../machine.ts'

type Files = Readonly<Record<string, string>>

const settings: Settings = {
  isolated: CpuSet.parse('2-3'),
  housekeeping: CpuSet.parse('0-1'),
  policy: {kind: 'other'},
  windowMs: 1,
}
const OURS = 'isolcpus=nohz,domain,managed_irq,2-3 nohz_full=2-3 rcu_nocbs=2-3 irqaffinity=0-1'

const MACHINE: Files = {
  '/sys/devices/system/cpu/possible': '0-3\n',
  '/sys/devices/system/cpu/present': '0-3\n',
  '/proc/sys/kernel/arch': 'x86_64\n',
  '/proc/sys/kernel/osrelease': '6.12.1\n',
  '/proc/cpuinfo': 'flags\t: fpu tsc\n',
  '/proc/cmdline': 'ro quiet\n',
}

const grubCfg = (args: string) =>
  `### BEGIN /etc/grub.d/10_linux ###\nmenuentry 'Debian' --id simple {\n linux /boot/vmlinuz-6 root=/dev/sda1 ${args}\n}\n### END /etc/grub.d/10_linux ###\n`
const GRUB = (args: string): Files => ({
  '/boot/grub/grub.cfg': grubCfg(args),
  '/usr/sbin/grub-mkconfig': '/etc/default/grub.d/*.cfg',
  '/usr/bin/grub-script-check': '',
  '/etc/default/grub': `GRUB_CMDLINE_LINUX_DEFAULT="${args}"\n`,
})
const ENTRY = '/boot/loader/entries/debian-6.12.1.conf'
const systemdBoot = (options: string, more: Files = {}): Files => ({
  [ENTRY]: `title Debian\nversion 6.12.1\nlinux /6.12.1/linux\noptions ${options}\n`,
  ...more,
})

async function planned(files: Files, over: Partial<Settings> = {}) {
  const {steps, unknown} = await makePlan(memoryHost({...MACHINE, ...files}), {
    settings: {...settings, ...over},
    steps: [bootArguments],
  })
  return {...steps[0], reason: unknown[0]?.reason}
}
const dropIn = async (files: Files, over: Partial<Settings> = {}) => {
  const {changes = [], reason} = await planned(files, over)
  const file = changes.find((change) => change.kind === 'file')
  return (
    reason ??
    file?.to?.split('\n')[1]?.slice('GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT '.length, -1)
  )
}

describe('the arguments', () => {
  it('are those of the static policy', async () => {
    expect(await dropIn(GRUB('quiet'))).toBe(OURS)
  })

  it('of the dynamic policy leave load balancing to a cpuset partition', async () => {
    expect(await dropIn(GRUB('quiet'), {boot: {isolation: 'dynamic', extra: []}})).toBe(
      'isolcpus=managed_irq,2-3 nohz_full=2-3 rcu_nocbs=2-3 irqaffinity=0-1',
    )
  })

  it('include those of the operator', async () => {
    const boot = {isolation: 'static', extra: ['skew_tick=1', 'nowatchdog']} as const
    expect(await dropIn(GRUB('quiet skew_tick=1'), {boot})).toBe(`${OURS} nowatchdog`)
  })

  const stable = {
    '/proc/cpuinfo': 'flags\t: constant_tsc nonstop_tsc\n',
    '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'tsc\n',
  }
  test.for([
    ['a good TSC', stable, true, ''],
    [
      'a bad one',
      {...stable, '/sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet\n'},
      false,
      'hpet',
    ],
    ['one that stops', {...stable, '/proc/cpuinfo': 'flags\t: constant_tsc\n'}, false, 'nonstop_tsc'],
    [
      'a guest',
      {...stable, '/proc/cpuinfo': 'flags\t: constant_tsc nonstop_tsc hypervisor\n'},
      false,
      'virtual',
    ],
    ['no x86', {...stable, '/proc/cpuinfo': 'CPU implementer : 0x41\n'}, false, undefined],
  ] as const)('have tsc=reliable for %s: %#', async ([, files, there, why]) => {
    const {changes, notes = []} = await planned({...GRUB('quiet'), ...files})
    expect(JSON.stringify(changes).includes('tsc=reliable')).toBe(there)
    const note = notes.find(({subject}) => subject === 'tsc=reliable')
    if (there || why === undefined) expect(note).toBeUndefined()
    else expect(note?.reason).toContain(why)
  })

  it('keep a tsc= of others, with a note', async () => {
    const {changes, notes = []} = await planned({...GRUB('quiet tsc=nowatchdog'), ...stable})
    expect(JSON.stringify(changes)).not.toContain('tsc=reliable')
    expect(notes).toContainEqual({
      subject: 'tsc=reliable',
      reason: 'left out: tsc=nowatchdog is already passed',
    })
  })
})

describe('GRUB', () => {
  it('does not add an argument that is already passed', async () => {
    expect(await dropIn(GRUB('quiet nohz_full=2-3'))).toBe(OURS.replace(' nohz_full=2-3', ''))
  })

  it('does not add a second argument that the kernel would drop, and reports the file', async () => {
    expect(await dropIn(GRUB('quiet nohz-full=1'))).toBe(
      '/etc/default/grub already passes nohz-full=1, and the kernel drops one of the two: remove it there',
    )
  })

  it('is not changed without its programs', async () => {
    const {'/usr/sbin/grub-mkconfig': _, ...files} = GRUB('quiet')
    expect(await dropIn(files)).toBe('grub-mkconfig is not installed')
  })

  it('is not changed when grub.cfg was not generated', async () => {
    const files = {...GRUB('quiet'), '/boot/grub/grub.cfg': "menuentry 'mine' { linux /vmlinuz quiet }\n"}
    expect(await dropIn(files)).toContain('no entry that grub-mkconfig wrote')
  })
})

describe('arguments that the kernel would refuse', () => {
  it('are too long', async () => {
    const files = GRUB(`quiet ${'x'.repeat(1950)}`)
    expect(await dropIn(files)).toMatch(/would have 20\d\d bytes, and the kernel truncates it to 2047/)
  })
  it('have a CPU that is not possible', async () => {
    const files = {...GRUB('quiet'), '/sys/devices/system/cpu/possible': '0-2\n'}
    expect(await dropIn(files)).toContain('the kernel would drop isolcpus=nohz,domain,managed_irq,2-3')
  })
  it('are all, when it was built without isolation', async () => {
    const files = {...GRUB('quiet'), '/boot/config-6.12.1': 'CONFIG_CPU_ISOLATION=y\n'}
    expect(await dropIn(files)).toContain('built without CONFIG_NO_HZ_FULL')
  })
})

describe('other boot loaders', () => {
  it('ostree: the reason has the command', async () => {
    const {reason} = await planned({'/proc/cmdline': 'ostree=/ostree/boot.1/x ro\n', ...systemdBoot('ro')})
    expect(reason).toContain(
      'rpm-ostree kargs --append-if-missing=isolcpus=nohz,domain,managed_irq,2-3 --append',
    )
  })
  it('extlinux: the reason has the file', async () => {
    const {reason} = await planned({'/boot/extlinux/extlinux.conf': 'LABEL l0\n'})
    expect(reason).toContain(`/boot/extlinux/extlinux.conf: ${OURS}`)
  })
  it('a unified kernel image: the reason says what to rebuild', async () => {
    const {reason} = await planned({'/boot/efi/EFI/Linux/debian-6.12.1.efi': 'MZ'})
    expect(reason).toContain('/etc/kernel/cmdline and rebuild it')
  })
  it('none: the reason has the arguments, unless the machine was booted with them', async () => {
    expect((await planned({})).reason).toBe(
      `no boot loader that isolctl knows was found; pass these arguments to the kernel: ${OURS}`,
    )
    expect(await planned({'/proc/cmdline': `ro ${OURS}\n`})).toMatchObject({changes: []})
    // Another spelling that means the same to the kernel.
    const other = 'isolcpus=managed_irq,domain,2-3 nohz_full=2,3 irqaffinity=0-1'
    expect(await planned({'/proc/cmdline': `ro ${other}\n`})).toMatchObject({changes: []})
  })
  it('systemd-boot with its default in the firmware: the reason says what to clear', async () => {
    const utf16 = [...'debian-*'].map((char) => `${char}\0`).join('')
    const {reason} = await planned(
      systemdBoot('ro', {
        '/sys/firmware/efi/efivars/LoaderEntryDefault-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f': `\x06\0\0\0${utf16}\0\0`,
      }),
    )
    expect(reason).toContain('LoaderEntryDefault names debian-*')
  })
})

/** Contents of these files as kernel-install and people write them. */
const word = fc.oneof(
  fc.stringMatching(/^[a-z][a-z0-9_.]{0,8}(=[A-Za-z0-9,:/-]{0,12})?$/),
  fc.constantFrom(
    'isolcpus=1',
    'nohz_full=3',
    'rcu_nocbs=all',
    'tsc=unstable',
    'dyndbg="file a.c +p"',
    'quiet',
  ),
)
const options = fc.array(word, {minLength: 1, maxLength: 8}).map((words) => words.join(' '))
const tail = fc.constantFrom('', '\n', '\n\n', ' \n')
const loaderConf = fc.constantFrom(
  undefined,
  '',
  'timeout 3\n',
  'default  debian-*\ntimeout 3',
  '#default x\neditor no\n',
)

const install = fc.record({options, cmdline: fc.option(fc.tuple(options, tail)), loaderConf}).map(
  ({options, cmdline, loaderConf}): Files => ({
    ...MACHINE,
    ...systemdBoot(options),
    ...(cmdline ? {'/etc/kernel/cmdline': cmdline.join('')} : {}),
    ...(loaderConf === undefined ? {} : {'/boot/loader/loader.conf': loaderConf}),
  }),
)

describe('with any contents', () => {
  it('apply changes them once, and undo restores every byte', async () => {
    await fc.assert(
      fc.asyncProperty(install, async (files) => {
        const m = machine(files)
        const plan = await makePlan(m.host, {settings, steps: [bootArguments]})
        expect(plan.unknown).toEqual([])
        expect((await applyAll(plan, m.under(alive))).outcome.status).toBe('applied')
        const again = await makePlan(m.host, {settings, steps: [bootArguments]})
        expect(again.steps[0]).toMatchObject({changes: [], pending: true})
        await undoAll(m.under(alive))
        expect(contents(m)).toEqual(files)
      }),
      {numRuns: 60},
    )
  })

  it("killed anywhere in apply: the distribution's entry is as before, and undo restores every byte", async () => {
    await fc.assert(
      fc.asyncProperty(install, async (files) => {
        const whole = machine(files)
        const plan = await makePlan(whole.host, {settings, steps: [bootArguments]})
        await applyAll(plan, whole.under(alive))
        for (let at = 0; at <= whole.count(); at++) {
          const m = machine(files)
          await applyAll(plan, m.under(dieAt(at))).catch(() => {})
          expect(contents(m)[ENTRY]).toBe(files[ENTRY])
          // The default entry always exists.
          const chosen = /^default +(isolctl-\S+)$/m.exec(contents(m)['/boot/loader/loader.conf'] ?? '')?.[1]
          if (chosen) expect(contents(m)).toHaveProperty([`/boot/loader/entries/${chosen}`])
          await undoAll(m.under(alive))
          expect(contents(m)).toEqual(files)
        }
      }),
      {numRuns: 15},
    )
  })
})
