// SPDX-License-Identifier: MIT
/** Programs on isolated CPUs: which are meant to be there, and who placed the others. */
import {describe, expect, it, test} from 'vitest'
import {CHECKS} from '../../src/checks/registry.ts'
import {runChecks} from '../../src/checks/run.ts'
import {findCheck} from '../../src/checks/select.ts'
import {ownerOf} from '../../src/model/owner.ts'
import type {Meant} from '../../src/model/workload.ts'
import {changed, cpusetFiles, reader, taskFiles} from '../support/machine.ts'

type Files = Readonly<Record<string, string>>

async function judged(id: string, files: Files, workload: readonly Meant[] = []) {
  const run = runChecks([findCheck(CHECKS, id)], reader(changed(files), {workload}), {clock: () => 0})
  for await (const {check, ...result} of run) return {status: result.status, text: JSON.stringify(result)}
  throw new Error('no result')
}

/** A program that is bound to CPU 3, in this cgroup. */
const program = (cgroup: string, comm = 'worker', more: Files = {}): Files => ({
  ...taskFiles({tid: 60, comm, allowed: '3'}),
  '/proc/60/cgroup': `0::${cgroup}\n`,
  ...more,
})

const UID = '0b1e5c1a-7d55-4c0e-9a2b-3f6f0d3f0c11'
const POD = `/kubepods.slice/kubepods-pod${UID.replaceAll('-', '_')}.slice/cri-containerd-0123456789abcdef.scope`
const DOMAIN = '/machine.slice/machine-qemu\\x2d1\\x2ddb1.scope/libvirt/vcpu0'

describe('the owner of a cgroup', () => {
  test.for<[path: string, owner: string]>([
    [POD, `kubernetes ${UID}`],
    [`/kubepods/burstable/pod${UID}/0123456789abcdef`, `kubernetes ${UID}`],
    ['/kubepods.slice', 'kubernetes '],
    [DOMAIN, 'libvirt db1'],
    ['/machine/qemu-3-web.libvirt-qemu/emulator', 'libvirt web'],
    ['/qemu.slice/100.scope', 'proxmox-vm 100'],
    ['/lxc/101/ns/system.slice', 'proxmox-container 101'],
    ['/lxc.payload.web/init.scope', 'lxc web'],
    ['/lxc/web', 'lxc web'],
    ['/system.slice/docker-0123456789abcdef0123.scope', 'docker 0123456789ab'],
    ['/docker/0123456789abcdef', 'docker 0123456789ab'],
    ['/machine.slice/libpod-0123456789abcdef.scope', 'podman 0123456789ab'],
    ['/machine.slice/machine-deb.scope', 'nspawn deb'],
    ['/machine.slice/systemd-nspawn@deb.service/payload', 'nspawn-unit deb'],
    ['/machine.slice/machine-lxc\\x2d123\\x2dweb.scope', 'libvirt web'],
    ['/k8s.io/0123456789abcdef', 'containerd 0123456789ab'],
    [`/default/${'0123456789abcdef'.repeat(4)}`, 'nerdctl 0123456789ab'],
    ['/system.slice/nerdctl-0123456789abcdef.scope', 'nerdctl 0123456789ab'],
    ['/nomad.slice/share.slice/0b1e.web.scope', 'nomad web'],
    ['/system.slice/slurmstepd.scope/job_12/step_0/user/task_0', 'slurm 12'],
  ])('%s: %s', ([path, owner]) => {
    const {kind, name} = ownerOf(path) ?? {}
    expect(`${kind} ${name}`).toBe(owner)
  })
  it('is nobody for a service', () => {
    expect(ownerOf('/system.slice/dpdk.service')).toBeUndefined()
  })
})

describe('a program that is declared is no stray', () => {
  test.for<[Meant, Files]>([
    [{by: 'cgroup', name: '/dpdk.slice'}, program('/dpdk.slice/a.service')],
    [{by: 'cgroup', name: 'machine.slice/*'}, program(DOMAIN)],
    [{by: 'unit', name: 'dpdk.service'}, program('/system.slice/dpdk.service')],
    [{by: 'unit', name: 'dpdk.service'}, program('/system.slice/dpdk.service (deleted)')],
    [{by: 'cgroup', name: '/sys/fs/cgroup/dpdk.slice'}, program('/dpdk.slice/a.service')],
    [{by: 'domain', name: 'db1'}, program(DOMAIN)],
    [{by: 'domain', name: '100'}, program('/qemu.slice/100.scope')],
    [{by: 'pod', name: UID}, program(POD)],
    [
      {by: 'pod', name: 'prod/upf-0'},
      program(POD, 'upf', {[`/var/log/pods/prod_upf-0_${UID}/upf/0.log`]: ''}),
    ],
    [{by: 'pidFile', name: '/run/dpdk.pid'}, program('/', 'worker', {'/run/dpdk.pid': '60\n'})],
    [{by: 'command', name: 'worker'}, program('/')],
    [
      {by: 'command', name: 'a-name-that-is-cut'},
      program('/', 'a-name-that-is-', {'/proc/60/cmdline': '/usr/bin/a-name-that-is-cut\0-c\0'}),
    ],
  ])('%j', async ([meant, files]) => {
    expect((await judged('stray-tasks-allowed', files)).status).toBe('warn')
    expect((await judged('stray-tasks-allowed', files, [meant])).status).toBe('ok')
  })

  test.for<Meant>([
    {by: 'cgroup', name: '/dpdk'},
    {by: 'unit', name: 'dpdk'},
    {by: 'domain', name: 'db'},
    {by: 'pod', name: 'prod/upf-1'},
    {by: 'pidFile', name: '/run/none.pid'},
    {by: 'command', name: 'work'},
  ])('%j declares another one', async (meant) => {
    for (const files of [program('/dpdk.slice/dpdk.service'), program(DOMAIN), program(POD)])
      expect((await judged('stray-tasks-allowed', files, [meant])).status).toBe('warn')
  })
})

describe('advice fits the owner', () => {
  test.for<[cgroup: string, says: RegExp]>([
    [DOMAIN, /virsh emulatorpin db1 0-1/],
    [POD, /reservedSystemCPUs/],
    ['/qemu.slice/100.scope', /qm set 100 --affinity 0-1/],
    ['/lxc/101/ns', /\/etc\/pve\/lxc\/101\.conf/],
    ['/lxc.payload.web', /lxc\.cgroup2\.cpuset\.cpus = 0-1/],
    ['/docker/0123456789abcdef', /docker update --cpuset-cpus 0-1 0123456789ab/],
    ['/system.slice/a.service', /taskset -cp 0-1 60/],
  ])('%s', async ([cgroup, says]) => {
    const {text} = await judged('stray-tasks-allowed', program(cgroup))
    expect(text).toMatch(says)
    if (!cgroup.includes('docker')) expect(text).not.toMatch(/docker/)
    if (!cgroup.includes('service')) expect(text).not.toMatch(/taskset/)
  })

  it('of Open vSwitch, whose threads follow a mask', async () => {
    const files = program('/system.slice/ovs-vswitchd.service', 'pmd-c03/id:8', {
      '/etc/openvswitch/conf.db':
        'OVSDB JSON 1 x\n{"Open_vSwitch":{"u":{"other_config":["map",[["pmd-cpu-mask","0xc"]]]}}}\n',
    })
    expect((await judged('stray-tasks-allowed', files)).text).toMatch(
      /pmd-cpu-mask \(2-3\).*pmd-cpu-mask=0x3"/,
    )
  })
})

describe('containers with isolated CPUs', () => {
  const STATE = '/var/lib/kubelet/cpu_manager_state'
  const state = (shared: string, entries: unknown, config?: string): Files => ({
    [STATE]: JSON.stringify({policyName: 'static', defaultCpuSet: shared, entries}),
    ...(config === undefined ? {} : {'/var/lib/kubelet/config.yaml': config}),
  })
  const STRICT = 'cpuManagerPolicy: static\ncpuManagerPolicyOptions:\n  strict-cpu-reservation: "true"\n'
  const id = 'container-runtime-conflict'

  it('come from a state of version 1, which names no pod', async () => {
    const {status, text} = await judged(id, state('0-1', {'0123456789abcdef': '2-3'}))
    expect(status).toBe('fail')
    expect(text).toMatch(/assigns CPU 2-3 to 0123456789abcdef"/)
  })
  it('come from a state of version 2, and may be declared', async () => {
    const files = state('0-1', {[UID]: {upf: '3'}})
    expect((await judged(id, files)).text).toMatch(new RegExp(`assigns CPU 3 to upf of pod ${UID}`))
    expect((await judged(id, files, [{by: 'pod', name: UID}])).status).toBe('ok')
  })
  it('are shared by pods without CPUs of their own, unless the reservation is strict', async () => {
    const open = await judged(id, state('0-3', {}))
    expect(open.status).toBe('fail')
    expect(open.text).toMatch(/CPU 2-3 to containers without.*strict-cpu-reservation to true/)
    const strict = await judged(id, state('0-3', {}, STRICT))
    expect(strict.text).toMatch(/reservedSystemCPUs of the kubelet, and remove/)
    expect((await judged(id, state('0-1', {}, STRICT))).status).toBe('ok')
  })
  it('are given advice for their runtime', async () => {
    const vcpu = cpusetFiles(`machine.slice/machine-qemu\\x2d1\\x2ddb1.scope`, '2')
    const files = {...cpusetFiles('machine.slice', ''), ...vcpu}
    const {status, text} = await judged(id, files)
    expect(status).toBe('fail')
    expect(text).toMatch(/virsh emulatorpin db1/)
    expect(text).not.toMatch(/docker/)
    expect((await judged(id, files, [{by: 'domain', name: 'db1'}])).status).toBe('ok')
  })
  it('are unknown where a kubelet runs and its state is lost', async () => {
    const files = {...changed({[STATE]: undefined}), ...taskFiles({tid: 70, comm: 'kubelet', allowed: '0-1'})}
    const get = reader(files)
    for await (const {status} of runChecks([findCheck(CHECKS, id)], get, {clock: () => 0}))
      expect(status).toBe('unknown')
  })
})

describe('a managed queue of isolated CPUs only', () => {
  const managed = {
    '/proc/irq/24/smp_affinity_list': '3\n',
    '/proc/irq/24/effective_affinity_list': '3\n',
    '/sys/kernel/debug/irq/irqs/24':
      'handler:  handle_edge_irq\ndstate:   0x0\n            IRQD_AFFINITY_MANAGED\n',
  }
  it('is a warning of one check, and a failure of none', async () => {
    const {status, text} = await judged('irq-managed-queues', managed)
    expect(status).toBe('warn')
    expect(text).not.toMatch(/managed_irq/)
    for (const id of ['irq-affinity-requested', 'irq-affinity-effective'])
      expect((await judged(id, managed)).status).toBe('ok')
  })
  it('is not refused where only its name is known', async () => {
    const {'/sys/kernel/debug/irq/irqs/24': _, ...named} = managed
    expect((await judged('irq-managed-queues', named)).status).toBe('unknown')
    for (const id of ['irq-affinity-requested', 'irq-affinity-effective'])
      expect((await judged(id, named)).status).toBe('ok')
  })
  it('still fails where its mask has a housekeeping CPU, and it is delivered to another', async () => {
    const wide = {...managed, '/proc/irq/24/smp_affinity_list': '1,3\n'}
    expect((await judged('irq-affinity-effective', wide)).status).toBe('fail')
  })
  it('still fails where it can be moved', async () => {
    const pinned = {
      ...managed,
      '/sys/kernel/irq/24/actions': 'eth0\n',
      '/sys/kernel/debug/irq/irqs/24': 'dstate:   0x0\n',
    }
    for (const id of ['irq-affinity-requested', 'irq-affinity-effective'])
      expect((await judged(id, pinned)).status).toBe('fail')
  })
})

test('a state of another version of the kubelet is unknown, in one line', async () => {
  const state = '{"policyName":"static","defaultCpuSet":"0-1","entries":{"p":{"c":{"cpus":"2-3"}}}}'
  const {status, text} = await judged('container-runtime-conflict', {
    '/var/lib/kubelet/cpu_manager_state': state,
  })
  expect([status, text]).toEqual(['unknown', expect.stringContaining('not a state of the CPU manager')])
  expect(JSON.parse(text).reason).not.toContain('\n')
})

test.for([
  'cpuManagerPolicyOptions:\n  strict-cpu-reservation: "true"\n',
  'cpuManagerPolicyOptions: {"strict-cpu-reservation": "true"}\n',
  'cpuManagerPolicyOptions: {full-pcpus-only: "true", strict-cpu-reservation: "true"}\n',
])('the option strict-cpu-reservation is read: %j', async (config) => {
  const files = {
    '/var/lib/kubelet/cpu_manager_state': '{"policyName":"static","defaultCpuSet":"0-3"}',
    '/var/lib/kubelet/config.yaml': config,
  }
  expect((await judged('container-runtime-conflict', files)).text).not.toContain('set its policy option')
  const without = {...files, '/var/lib/kubelet/config.yaml': `# ${config.replaceAll('\n', ' ')}\n`}
  expect((await judged('container-runtime-conflict', without)).text).toContain('set its policy option')
})
