// SPDX-License-Identifier: MIT
import {describe, expect, it, test} from 'vitest'
import {irqbalance} from '../../src/facts/irqbalance.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {CpuSet} from '../../src/model/cpuset.ts'
import {makePlan} from '../../src/plan/plan.ts'
import {chooseSteps} from '../../src/plan/registry.ts'
import {changed, reader, SETTINGS, taskFiles} from '../support/machine.ts'
import {untunedFiles} from '../support/untuned.ts'

const DAEMON = taskFiles({tid: 90, comm: 'irqbalance', allowed: '0-1'})
const package_ = (version: string) => ({
  '/usr/share/doc/irqbalance/changelog.Debian.gz': `irqbalance (${version}) unstable; urgency=medium\n`,
})

/** The CPUs that the daemon was started to avoid, on a machine with isolcpus=2-3 nohz_full=2-3. */
const avoided = async (environ: string, version?: string) => {
  const files = changed({
    ...DAEMON,
    '/proc/90/environ': environ,
    ...(version === undefined ? {} : package_(version)),
  })
  return `${(await reader(files)(irqbalance))?.inForce}`
}

/**
 * irqbalance, cputree.c: setup_banned_cpus. Up to 1.7 it knows the mask only, 1.8 and 1.9 take the
 * mask before the list, and 1.10 knows the list only.
 */
describe('the CPUs that irqbalance avoids', () => {
  const both = ['IRQBALANCE_BANNED_CPULIST=2-3', 'IRQBALANCE_BANNED_CPUS=1']
  test.for<[environ: readonly string[], version: string | undefined, cpus: string]>([
    [['PATH=/bin'], '1.9.2-1', '2-3'],
    [['IRQBALANCE_BANNED_CPULIST=1'], '1.9.2-1', '1'],
    [['IRQBALANCE_BANNED_CPULIST='], '1.9.2-1', '2-3'],
    [['IRQBALANCE_BANNED_CPULIST=-'], '1.9.2-1', ''],
    [['IRQBALANCE_BANNED_CPULIST=2-N'], '1.9.2-1', ''],
    [['IRQBALANCE_BANNED_CPUS=0x0c'], '1.9.2-1', ''],
    [['IRQBALANCE_BANNED_CPUS=00000000,0000000c'], '1.9.2-1', '2-3'],
    [['IRQBALANCE_BANNED_CPUS=0,c'], '1.9.2-1', '2-3'],
    [['IRQBALANCE_BANNED_CPUS=3,0'], '1.7.0-1', '32-33'],
    [['IRQBALANCE_BANNED_CPUS=3,'], '1.9.2-1', ''],
    [both, '1.9.2-1', '0'],
    [both.toReversed(), '1.9.2-1', '0'],
    [both, undefined, '0'],
    [['IRQBALANCE_BANNED_CPULIST=2', 'IRQBALANCE_BANNED_CPUS='], '1.8.0-2', '2'],
    [both, '1.6.0-3', '0'],
    [['IRQBALANCE_BANNED_CPULIST=1'], '1.6.0-3', '2-3'],
    [['IRQBALANCE_BANNED_CPUS='], '1.7.0-1', ''],
    [both, '1.10.0-1', '2-3'],
    [['IRQBALANCE_BANNED_CPUS=1'], '1.10.0-1', '2-3'],
    [['IRQBALANCE_BANNED_CPULIST='], '1.10.0-1', ''],
  ])('%j under %s: "%s"', async ([lines, version, cpus]) => {
    expect(await avoided(`${lines.join('\0')}\0`, version)).toBe(cpus)
  })

  it('are known from the package of Arch as well', async () => {
    const files = changed({
      ...DAEMON,
      '/proc/90/environ': `${both.join('\0')}\0`,
      '/var/lib/pacman/local/irqbalance-1.10.0-1/desc': '',
    })
    expect(`${(await reader(files)(irqbalance))?.inForce}`).toBe('2-3')
  })

  it('are those of the last assignment of a variable, in the order of the files', async () => {
    const files = changed({
      ...DAEMON,
      '/usr/lib/irqbalance/defaults.env': 'IRQBALANCE_BANNED_CPULIST=1\n',
      '/etc/default/irqbalance': '# comment\nexport IRQBALANCE_BANNED_CPULIST="2-3" # ours\n',
    })
    expect(`${(await reader(files)(irqbalance))?.banned}`).toBe('2-3')
  })

  it('are unknown where the text is no environment', async () => {
    await expect(avoided('garbage')).rejects.toThrow('/proc/90/environ: not an environment')
    await expect(avoided('')).rejects.toThrow('/proc/90/environ is empty')
  })
})

/** systemd.unit(5) and systemd.exec(5): drop-ins by name, EnvironmentFile= over Environment=. */
describe('the CPUs that irqbalance will avoid, by its unit', () => {
  const ETC = '/etc/systemd/system/irqbalance.service.d'
  const UNIT = '/usr/lib/systemd/system/irqbalance.service'
  const LIST = 'IRQBALANCE_BANNED_CPULIST'
  const unit = '[Service]\nEnvironmentFile=-/etc/default/irqbalance\n'
  test.for<[name: string, files: Record<string, string>, cpus: string]>([
    ['Environment= of a drop-in', {[`${ETC}/ban.conf`]: `[Service]\nEnvironment=${LIST}=1\n`}, '1'],
    [
      'Environment= with quotes and two variables',
      {[`${ETC}/ban.conf`]: `[Service]\nEnvironment="A=b c" '${LIST}=1,3'\n`},
      '1,3',
    ],
    [
      'EnvironmentFile= of a drop-in, after that of the unit',
      {
        '/etc/default/irqbalance': `${LIST}=1\n`,
        '/etc/irqbalance.env': `${LIST}=3\n`,
        [`${ETC}/ban.conf`]: '[Service]\nEnvironmentFile=/etc/irqbalance.env\n',
      },
      '3',
    ],
    [
      'a file over a variable of the unit',
      {
        '/etc/default/irqbalance': `${LIST}=1\n`,
        [`${ETC}/ban.conf`]: `[Service]\nEnvironment=${LIST}=3\n`,
      },
      '1',
    ],
    [
      'files taken back',
      {
        '/etc/default/irqbalance': `${LIST}=1\n`,
        [`${ETC}/ban.conf`]: `[Service]\nEnvironmentFile=\nEnvironment=${LIST}=3\n`,
      },
      '3',
    ],
    [
      'a variable taken back',
      {
        '/etc/default/irqbalance': `${LIST}=1\n`,
        [`${ETC}/ban.conf`]: `[Service]\nUnsetEnvironment=${LIST}\n`,
      },
      '2-3',
    ],
    [
      'the drop-in of /etc in place of the one of the package',
      {
        '/usr/lib/systemd/system/irqbalance.service.d/ban.conf': `[Service]\nEnvironment=${LIST}=1\n`,
        [`${ETC}/ban.conf`]: '# nothing\n',
      },
      '2-3',
    ],
    [
      'the last drop-in by name',
      {
        [`${ETC}/20.conf`]: `[Service]\nEnvironment=${LIST}=1\n`,
        '/run/systemd/system/irqbalance.service.d/10.conf': `[Service]\nEnvironment=${LIST}=3\n`,
      },
      '1',
    ],
    [
      'a section that is none of the service',
      {[`${ETC}/ban.conf`]: `[Unit]\nEnvironment=${LIST}=1\n`},
      '2-3',
    ],
    [
      'a unit of the administrator with other files',
      {
        '/etc/systemd/system/irqbalance.service': '[Service]\nEnvironmentFile=/etc/irqbalance.env\n',
        '/etc/default/irqbalance': `${LIST}=1\n`,
        '/etc/irqbalance.env': `${LIST}=3\n`,
      },
      '3',
    ],
  ])('%s', async ([, files, cpus]) => {
    const found = await reader(changed({...package_('1.9.2-1'), [UNIT]: unit, ...files}))(irqbalance)
    expect(`${found?.banned}`).toBe(cpus)
  })

  it('are unknown where a drop-in is damaged', async () => {
    const files = changed({[UNIT]: unit, [`${ETC}/ban.conf`]: '\u0001\ufffd?;\n'})
    await expect(reader(files)(irqbalance)).rejects.toThrow(`${ETC}/ban.conf: not a unit file`)
  })

  it('no ban is planned that a later drop-in overrides', async () => {
    const later = `${ETC}/99-site.conf`
    const plan = await makePlan(
      memoryHost({...untunedFiles(), [later]: '[Service]\nEnvironmentFile=/etc/irqbalance.env\n'}),
      {settings: SETTINGS, ...chooseSteps({only: ['irqbalance-ban']})},
    )
    expect(plan.steps).toEqual([])
    expect(JSON.stringify(plan.unknown)).toContain(`${later} is read after`)
  })
})

test('the ban is also written as a mask where that is what this version takes', async () => {
  const written = async (files: Record<string, string>) => {
    const plan = await makePlan(memoryHost({...untunedFiles(), ...files}), {
      settings: SETTINGS,
      ...chooseSteps({only: ['irqbalance-ban']}),
    })
    const change = plan.steps[0]?.changes.find(({kind}) => kind === 'file')
    return change?.kind === 'file' ? change.to : undefined
  }
  const list = '# Written by isolctl.\nIRQBALANCE_BANNED_CPULIST=1-3\n'
  const mask = '# Written by isolctl.\nIRQBALANCE_BANNED_CPUS=e\nIRQBALANCE_BANNED_CPULIST=1-3\n'
  const operator = {'/etc/default/irqbalance': 'IRQBALANCE_BANNED_CPUS=2\n'}
  expect(await written({})).toBe(list)
  expect(await written(operator)).toBe(mask)
  expect(await written({...operator, ...package_('1.9.2-1')})).toBe(mask)
  expect(
    await written({...package_('1.6.0-3'), '/etc/default/irqbalance': 'IRQBALANCE_BANNED_CPUS=2\n'}),
  ).toBe(mask)
  expect(CpuSet.fromMask('e').toString()).toBe('1-3')
})
