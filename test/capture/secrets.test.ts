// SPDX-License-Identifier: MIT
import {describe, expect, it, test} from 'vitest'
import {programOf} from '../../src/boot/firmware.ts'
import {takeCapture} from '../../src/capture/capture.ts'
import {withoutPeople, withoutSecrets} from '../../src/capture/secrets.ts'
import {gatherer} from '../../src/facts/fact.ts'
import {irqbalance} from '../../src/facts/irqbalance.ts'
import type {HostView} from '../../src/host/host.ts'
import {memoryHost} from '../../src/host/memory.ts'
import {changed, fakeLive, goodFiles, taskFiles} from '../support/machine.ts'
import {untunedFiles} from '../support/untuned.ts'

const clean = (path: string, text: string) => withoutSecrets(path, text, () => {})

/** Every secret on the machine has this word in it. */
const SECRET = 's3cretmark'

const ARGUMENTS = `ro quiet isolcpus=2-3 nohz_ful=2-3 rcutree.kthread_prio=1 rd.iscsi.password=${SECRET}1 inst.ks=https://u:${SECRET}2@h/ks token=${SECRET}3 ${SECRET}4 "quoted=${SECRET}5 more ${SECRET}5b" systemd.setenv=KEY=${SECRET}6 -- ${SECRET}7`

const FILES: Readonly<Record<string, string>> = {
  '/proc/cmdline': `${ARGUMENTS}\n`,
  '/etc/kernel/cmdline': `${ARGUMENTS}\n`,
  '/boot/loader/entries/a.conf': `title Debian\n# call ${SECRET}8\nlinux /vmlinuz\noptions ${ARGUMENTS}\n`,
  '/boot/grub/grub.cfg': `### BEGIN /etc/grub.d/10_linux ###\nset superusers="${SECRET}9"\npassword_pbkdf2 ${SECRET}9 grub.pbkdf2.sha512.10000.${SECRET}10\n  password ${SECRET}11 ${SECRET}12\n  linux /vmlinuz ${ARGUMENTS}\n### END /etc/grub.d/10_linux ###\n`,
  '/etc/default/grub': `# ask ${SECRET}13\nGRUB_CMDLINE_LINUX="${ARGUMENTS.replaceAll('"', '')}" # ${SECRET}14\n`,
  '/etc/isolctl/config.yaml': `# ${SECRET}15 told me\nisolated: 2-3 # ask ${SECRET}16\n`,
  '/var/log/dmesg': [
    `Linux version 6.12.1 (${SECRET}17@build) (gcc)`,
    `Command line: ${ARGUMENTS}`,
    `Kernel command line: ${ARGUMENTS}`,
    `Unknown kernel command line parameters "token=${SECRET}18 ${SECRET}19", will be passed to user space.`,
    `ata1.00: ATA-8: WDC ${SECRET}20, max UDMA/133`,
    `audit: type=1006 acct="${SECRET}21" uid=1000`,
    `systemd[1]: Started Session 3 of User ${SECRET}22.`,
    `usb 1-1: SerialNumber: ${SECRET}23`,
    'rcu: \tOffload RCU callbacks from CPUs: 2-3.',
    '',
  ].join('\n'),
  '/proc/self/cgroup': `0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-${SECRET}24.scope\n`,
  [`/sys/fs/cgroup/user.slice/user-${SECRET}25.slice/cpuset.cpus`]: '\n',
  [`/sys/fs/cgroup/user.slice/user-${SECRET}25.slice/cpuset.cpus.effective`]: '0-3\n',
  [`/sys/fs/cgroup/user.slice/user-${SECRET}25.slice/cpuset.cpus.partition`]: 'member\n',
  [`/sys/fs/cgroup/system.slice/backup@${SECRET}26.service/cpuset.cpus`]: '\n',
  [`/sys/fs/cgroup/system.slice/backup@${SECRET}26.service/cpuset.cpus.effective`]: '0-3\n',
  [`/sys/fs/cgroup/system.slice/backup@${SECRET}26.service/cpuset.cpus.partition`]: 'member\n',
}

test.each(Object.keys(FILES).filter((path) => !path.includes('cgroup')))('%s has no secret left', (path) => {
  // The serial numbers of the log are redacted by their own rule, or with their line.
  expect(clean(path, FILES[path] ?? '')).not.toContain(SECRET)
})

test('what the checks need stays', () => {
  const kept = clean('/proc/cmdline', `${ARGUMENTS}\n`)
  expect(kept).toHaveLength(ARGUMENTS.length + 1) // the check of the length must not change
  expect(kept.replaceAll(/REDACTED_*/g, 'R')).toBe(
    'ro quiet isolcpus=2-3 nohz_ful=2-3 rcutree.kthread_prio=1 rd.iscsi.password=R inst.ks=R token=R R quoted=R systemd.setenv=R -- R\n',
  )
  const log = clean('/var/log/dmesg', FILES['/var/log/dmesg'] ?? '')
  expect(log).toContain('Offload RCU callbacks from CPUs: 2-3.')
  expect(log).toContain(
    'Unknown kernel command line parameters "token=REDACTED____ REDACTED____", will be passed',
  )
  expect(clean('/boot/grub/grub.cfg', FILES['/boot/grub/grub.cfg'] ?? '')).toContain(
    '### BEGIN /etc/grub.d/10_linux ###',
  )
  expect(clean('/etc/isolctl/config.yaml', 'isolated: 2-3\n')).toBe('isolated: 2-3\n')
  expect(clean('/etc/x', '# Written by isolctl.\n')).toBe('# Written by isolctl.\n')
})

test('a grubenv keeps its size', () => {
  const text = `# GRUB Environment Block\nkernelopts=ro token=${SECRET}\n`.padEnd(1024, '#')
  const kept = clean('/boot/grub2/grubenv', text)
  expect(kept).toHaveLength(1024)
  expect(kept).toMatch(/^# GRUB Environment Block\nkernelopts=ro token=REDACTED__\n#+$/)
})

/** Files that no rule named, or whose rule a secret got round. */
const EFI = '8be4df61-93ca-11d2-aa0d-00e098032b8c'
const wide = (text: string) => [...text].map((char) => `${char}\0`).join('')
const OTHERS: Readonly<Record<string, string>> = {
  '/proc/mounts': `curlftpfs#ftp://u:${SECRET}@h/ /home/x fuse rw 0 0\n/dev/sda1 /boot/efi vfat rw,codepage=${SECRET} 0 0\n//nas/${SECRET} /mnt/${SECRET} cifs username=${SECRET} 0 0\n`,
  '/var/lib/kubelet/config.yaml': `staticPodURLHeader: {Authorization: ["Bearer ${SECRET}"]}\ncpuManagerPolicyOptions: {"strict-cpu-reservation": "true", x: ${SECRET}}\n`,
  '/etc/openvswitch/conf.db': `OVSDB JSON 9 a\n{"Interface":{"options":["map",[["psk","${SECRET}"]]]},"o":["map",[["pmd-cpu-mask","0x3c"]]]}\n`,
  '/etc/default/irqbalance': `IRQBALANCE_BANNED_CPULIST=2-3\nIRQBALANCE_ARGS="--journal ${SECRET}"\nTOKEN=${SECRET}\n`,
  '/etc/sysconfig/irqbalance': `TOKEN=${SECRET}\n`,
  '/etc/systemd/system/irqbalance.service': `[Service]\nEnvironment=TOKEN=${SECRET}\n`,
  '/var/snap/rt-conf/common/config.yaml': `token: ${SECRET}\n`,
  '/proc/77/cmdline': `/usr/bin/worker\0--password=${SECRET}\0`,
  '/boot/refind_linux.conf': `"Boot" "ro rd.iscsi.password=${SECRET}"\n`,
  '/boot/extlinux/extlinux.conf': `LABEL l\n  APPEND ro token=${SECRET}\n`,
  '/extlinux/extlinux.conf': `APPEND token=${SECRET}\n`,
  '/boot/armbianEnv.txt': `extraargs=token=${SECRET}\n`,
  '/boot/limine/limine.conf': `cmdline: token=${SECRET}\n`,
  '/boot/firmware/config.txt': `cmdline=c.txt\n[${SECRET}]\npass=${SECRET}\n`,
  '/etc/zipl.conf': `parameters="token=${SECRET}"\n`,
  '/etc/kernelstub/configuration': `{"kernel_options": ["token=${SECRET}"]}\n`,
  '/etc/dracut.conf': `kernel_cmdline="token=${SECRET}"\n`,
  '/etc/default/grub': `GRUB_PASSWORD="${SECRET}"\nexport API_TOKEN=${SECRET}\nGRUB_CMDLINE_LINUX="isolcpus=2-3 token=${SECRET}"\nGRUB_CMDLINE_LINUX_DEFAULT="quiet \\\n nohz_full=2-3 token=${SECRET}"\ncurl -H "X: ${SECRET}" h\nGRUB_CMDLINE_X='a token=${SECRET}' ${SECRET}\n`,
  '/boot/grub2/grub.cfg': `set tuned_params="isolcpus=2-3 token=${SECRET}"\nmenuentry 'a' --users ${SECRET} {\n  set net_pass=${SECRET}\n  echo '${SECRET}'\n}\n`,
  '/etc/grub2-efi.cfg': `  linux /vmlinuz token=${SECRET}\npassword_pbkdf2 a grub.pbkdf2.${SECRET}\n`,
  '/mnt/esp/EFI/debian/grub.cfg': `  linux /vmlinuz token=${SECRET}\n`,
  '/mnt/esp/loader/entries/a.conf': `options ro token=${SECRET}\ngrub_users ${SECRET}\n`,
  '/boot/grub2/grubenv':
    `# GRUB Environment Block\nsaved_entry=a\nextra_cmdline=token=${SECRET}\npw=${SECRET}\n`.padEnd(
      1024,
      '#',
    ),
  [`/sys/firmware/efi/efivars/Boot0001-${EFI}`]: `\x07\0\0\0\x01\0\0\0b\0${wide(`disk ${SECRET}`)}\0\0\x04\x04*\0${wide('\\EFI\\a.efi')}\0\0\x7f\xff\x04\0${wide(`token=${SECRET}`)}`,
  '/var/lib/isolctl/journal.jsonl': `${JSON.stringify({op: 'intent', change: {kind: 'file', path: '/etc/kernel/cmdline', from: `ro token=${SECRET}\n`, to: null}})}\n${JSON.stringify({op: 'intent', change: {kind: 'grubenv', path: '/boot/grub2/grubenv', name: 'kernelopts', from: `ro token=${SECRET}`, to: null}})}\n{"op":"${SECRET}\n`,
}

test.each(Object.keys(OTHERS))('%s: nothing that no fact reads', (path) => {
  const kept = clean(path, OTHERS[path] ?? '')
  expect(kept.replaceAll('\0', '')).not.toContain(SECRET)
})

test('what facts read in files of other programs stays', () => {
  const kept = (path: string) => clean(path, OTHERS[path] ?? '')
  expect(kept('/var/lib/kubelet/config.yaml')).toBe('strict-cpu-reservation": "true\n')
  expect(kept('/etc/openvswitch/conf.db')).toBe('"pmd-cpu-mask","0x3c"\n')
  expect(kept('/etc/default/irqbalance')).toBe('IRQBALANCE_BANNED_CPULIST=2-3\n')
  expect(kept('/proc/mounts')).toContain('/dev/sda1 /boot/efi vfat rw 0 0\n')
  expect(kept('/proc/77/cmdline')).toBe('/usr/bin/worker\n')
  expect(kept('/boot/firmware/config.txt')).toBe('cmdline=c.txt\n')
  for (const words of ['isolcpus=2-3', 'nohz_full=2-3']) expect(kept('/etc/default/grub')).toContain(words)
  expect(kept('/boot/grub2/grub.cfg')).toContain('set tuned_params="isolcpus=2-3 token=')
  expect(kept('/boot/grub2/grubenv')).toHaveLength(1024)
  expect(programOf(kept(`/sys/firmware/efi/efivars/Boot0001-${EFI}`))).toBe('/EFI/a.efi')
  expect(clean('/boot/config-6.12.1', 'CONFIG_A=y\n')).toBe('CONFIG_A=y\n')
})

test.for<[path: string, text: string, kept: string]>([
  [
    '/etc/default/grub',
    `## root password: ${SECRET}\n#!${SECRET}\n#\n###\n`,
    '# REDACTED\n# REDACTED\n#\n###\n',
  ],
  ['/etc/default/grub', `#!/bin/sh\n#!${SECRET}\n`, '#!/bin/sh\n# REDACTED\n'],
  ['/etc/default/grub', `GRUB_CMDLINE_LINUX="quiet" #${SECRET}\n`, 'GRUB_CMDLINE_LINUX="quiet" #REDACTED\n'],
  ['/etc/default/grub', `GRUB_CMDLINE_LINUX='quiet'#${SECRET}\n`, "GRUB_CMDLINE_LINUX='quiet'#REDACTED\n"],
  ['/etc/default/grub', `GRUB_DISTRIBUTOR="D #1" #it's ${SECRET}\n`, 'GRUB_DISTRIBUTOR="D #1" # REDACTED\n'],
  ['/boot/grub/grub.cfg', `menuentry 'D #1' {\n} #${SECRET}\n`, "menuentry 'D #1' {\n} # REDACTED\n"],
  ['/etc/isolctl/config.yaml', `isolated: 2-3 #${SECRET}\n`, 'isolated: 2-3 # REDACTED\n'],
  [
    '/boot/grub/grub.cfg',
    `  multiboot2 /xen.gz token=${SECRET}\n  module2 /vmlinuz quiet rd.iscsi.password=${SECRET}\n  module2 --nounzip /initrd ${SECRET}\n`,
    '  multiboot2 /xen.gz token=REDACTED__\n  module2 /vmlinuz quiet rd.iscsi.password=REDACTED__\n  module2 --nounzip /initrd REDACTED__\n',
  ],
  [
    '/boot/grub/grub.cfg',
    `multiboot /xen token=${SECRET}\nmodule /vmlinuz token=${SECRET}\n\tkernel /vmlinuz token=${SECRET}\n`,
    'multiboot /xen token=REDACTED__\nmodule /vmlinuz token=REDACTED__\n\tkernel /vmlinuz token=REDACTED__\n',
  ],
  ['/boot/grub/grub.cfg', `  cryptomount -u 1 -p ${SECRET}\n`, '  cryptomount REDACTED\n'],
  [
    '/boot/grub/grub.cfg',
    `linux_password=${SECRET}\noptions_key="${SECRET}"\n`,
    'linux_password=REDACTED__\noptions_key="REDACTED__"\n',
  ],
  ['/boot/loader/entries/a.conf', `  options\tro token=${SECRET}\n`, '  options\tro token=REDACTED__\n'],
])('%s with %j', ([path, text, kept]) => {
  expect(clean(path, text)).toBe(kept)
})

/** A unit whose settings are spread over drop-ins and files anywhere. */
const DROP_INS = '/etc/systemd/system/irqbalance.service.d'
const SPREAD: Readonly<Record<string, string>> = {
  '/usr/lib/systemd/system/irqbalance.service': `[Unit]\nDescription=${SECRET}\n[Service]\nEnvironmentFile=-/etc/default/irqbalance\nExecStart=/usr/sbin/irqbalance --token ${SECRET}\n`,
  [`${DROP_INS}/10.conf`]: `# ${SECRET}\n[Service]\nEnvironment=TOKEN=${SECRET} "IRQBALANCE_BANNED_CPULIST=1,3" 'A=b ${SECRET}'\nEnvironment=PASSWORD="${SECRET} \\\n  ${SECRET}"\n`,
  [`${DROP_INS}/20.conf`]: `[Service]\nEnvironmentFile=\nEnvironmentFile=/etc/foo/credentials\nUnsetEnvironment=TOKEN=${SECRET} B\nLoadCredential=a:${SECRET}\n`,
  [`${DROP_INS}/30.conf`]: `[Service]\nEnvironmentFile=/etc/foo/../${SECRET}\nEnvironmentFile=${SECRET}\n`,
  [`${DROP_INS}/40.conf`]: '',
  [`${DROP_INS}/60-isolctl.conf`]: `# Written by isolctl; isolctl undo removes it.\n[Service]\nEnvironmentFile=${DROP_INS}/60-isolctl.env\n`,
  [`${DROP_INS}/60-isolctl.env`]: '# Written by isolctl.\nIRQBALANCE_BANNED_CPULIST=1-3\n',
  '/etc/default/irqbalance': `TOKEN=${SECRET} IRQBALANCE_BANNED_CPUS=8\n`,
  '/etc/foo/credentials': `# ${SECRET}\nAPI_KEY=${SECRET}\nexport IRQBALANCE_BANNED_CPULIST="2-3" # ${SECRET}\nPASSWORD='${SECRET}'\n`,
  '/usr/share/doc/irqbalance/changelog.Debian.gz': 'irqbalance (1.9.2-1) unstable; urgency=medium\n',
  ...taskFiles({tid: 90, comm: 'irqbalance', allowed: '0-1'}),
  '/proc/90/environ': `TOKEN=${SECRET}\0IRQBALANCE_ARGS=${SECRET}\0`,
}

describe.for<[name: string, files: Readonly<Record<string, string | undefined>>]>([
  ['as it is', {}],
  [
    'without isolctl',
    {[`${DROP_INS}/60-isolctl.conf`]: undefined, [`${DROP_INS}/60-isolctl.env`]: undefined},
  ],
  [
    'with variables of the unit only',
    {
      [`${DROP_INS}/10.conf`]: undefined,
      [`${DROP_INS}/20.conf`]: undefined,
      [`${DROP_INS}/60-isolctl.conf`]: undefined,
      '/usr/lib/systemd/system/irqbalance.service': `[Service]\nEnvironment=TOKEN=${SECRET} IRQBALANCE_BANNED_CPULIST=2\n`,
    },
  ],
  ['with a file that is no environment', {'/etc/foo/credentials': `${SECRET}\n`}],
  ['with a drop-in that is no unit file', {[`${DROP_INS}/40.conf`]: `${SECRET}\n`}],
  ['with a daemon of an empty environment', {'/proc/90/environ': ''}],
  ['with a ban that is no set of CPUs', {'/etc/foo/credentials': `IRQBALANCE_BANNED_CPULIST=${SECRET}\n`}],
])('irqbalance with files anywhere, %s', ([, over]) => {
  const files = changed({...SPREAD, ...over})
  const take = async () => (await takeCapture(fakeLive(files).host, {version: '0', also: []})).files
  const found = (host: HostView) => gatherer(host)(irqbalance).catch(({message}: Error) => message)

  it('has no secret in the capture', async () => {
    for (const [path, text] of await take()) expect(text, path).not.toContain(SECRET)
  })
  it('is the same in the capture and on the machine', async () => {
    const kept = Object.fromEntries([...(await take())].map(([path, text]) => [`/${path}`, text]))
    const there = await found(memoryHost(kept))
    const here = await found(fakeLive(files).host)
    expect(JSON.stringify(there)).toBe(JSON.stringify(here))
  })
})

test('names of people in cgroups get stand-ins', () => {
  const standIn = (name: string) => `<${name.length}>`
  expect(withoutPeople('/sys/fs/cgroup/user.slice/user-1000.slice/cpuset.cpus', standIn)).toBe(
    '/sys/fs/cgroup/user.slice/<9>.slice/cpuset.cpus',
  )
  expect(withoutPeople('/system.slice/backup@alice.service', standIn)).toBe(
    '/system.slice/backup@<5>.service',
  )
  expect(withoutPeople('/system.slice/ssh.service', standIn)).toBe('/system.slice/ssh.service')
  expect(withoutPeople('/system.slice/home-alice.mount', standIn)).toBe('/system.slice/home-<5>.mount')
  expect(withoutPeople('/media/alice/esp', standIn)).toBe('/media/<5>/esp')
  expect(withoutPeople('/etc/systemd/system/alice-backup.timer', standIn)).toBe(
    '/etc/systemd/system/<12>.timer',
  )
  for (const unit of [
    'isolctl.service',
    'irqbalance.service.d/60-isolctl.conf',
    'timers.target.wants/fwupd.timer',
  ])
    expect(withoutPeople(`/etc/systemd/system/${unit}`, standIn)).toBe(`/etc/systemd/system/${unit}`)
})

describe('a machine full of secrets', () => {
  it('has none of them in its capture, which says what was redacted', async () => {
    const {host} = fakeLive({
      ...goodFiles(),
      ...untunedFiles(),
      ...taskFiles({tid: 77, comm: 'worker', cpu: 2, allowed: '2', switches: 5}),
      ...FILES,
      '/proc/77/environ': `PASSWORD=${SECRET}\0`,
      '/sys/fs/cgroup/cgroup.controllers': 'cpuset cpu\n',
      '/proc/sys/kernel/hostname': 'h\n',
    })
    const {files, redactions} = await takeCapture(host, {version: '0', also: ['/etc/isolctl/config.yaml']})
    const whole = [...files].map(([path, text]) => `${path}\n${text}`).join('\n')
    expect(whole).not.toContain(SECRET)
    expect(redactions['boot arguments']).toBeGreaterThan(10)
    expect(redactions['kernel log lines']).toBe(4)
    expect(redactions.comments).toBeGreaterThan(1)
  })
})
