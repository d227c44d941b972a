// SPDX-License-Identifier: MIT
import type {Remedy} from './finding.ts'

/** Programs that start and place other programs. */
export type OwnerKind =
  | 'kubernetes'
  | 'docker'
  | 'podman'
  | 'cri-o'
  | 'containerd'
  | 'nerdctl'
  | 'libvirt'
  | 'proxmox-vm'
  | 'proxmox-container'
  | 'lxc'
  | 'nspawn'
  | 'nspawn-unit'
  | 'nomad'
  | 'slurm'

/** Who placed the programs of a cgroup, and how it calls them: the domain of libvirt, the pod's uid. */
export interface Owner {
  readonly kind: OwnerKind
  readonly name: string
}

/**
 * The cgroups that owners make, the outermost owner first: the pods of Kubernetes hold containers
 * of CRI-O, for example.
 */
const GROUPS: readonly (readonly [RegExp, OwnerKind])[] = [
  [/\/kubepods[^/]*(?:\/.*?pod([0-9a-f]{8}[0-9a-f_-]*))?/, 'kubernetes'],
  [/\/machine-(?:qemu|lxc)-\d+-(.+?)\.scope/, 'libvirt'],
  [/\/(?:machine\/)?qemu-\d+-([^/]+)\.libvirt-qemu/, 'libvirt'],
  [/\/qemu\.slice\/(\d+)\.scope/, 'proxmox-vm'],
  [/\/lxc\/(\d+)(?:\/|$)/, 'proxmox-container'],
  [/\/lxc\.payload[./]([^/]+)/, 'lxc'],
  [/\/lxc\/([^/]+)/, 'lxc'],
  [/\/docker[-/]([0-9a-f]{12})[0-9a-f]*/, 'docker'],
  [/\/libpod-(?:conmon-)?([0-9a-f]{12})?/, 'podman'],
  [/\/crio-(?:conmon-)?([0-9a-f]{12})?/, 'cri-o'],
  [/\/cri-containerd-([0-9a-f]{12})?/, 'containerd'],
  [/\/k8s\.io\/([0-9a-f]{12})/, 'containerd'],
  [/\/nerdctl-([0-9a-f]{12})/, 'nerdctl'],
  // The namespace of containerd, and the id of the container.
  [/^\/[^/]+\/([0-9a-f]{12})[0-9a-f]{52}(?:\/|$)/, 'nerdctl'],
  [/\/machine-([^/]+?)\.scope/, 'nspawn'],
  [/\/systemd-nspawn@([^/]+?)\.service/, 'nspawn-unit'],
  [/\/nomad\.slice\/(?:[^/]+\.slice\/)*(?:[^/]*?\.)?([^/]*?)\.scope/, 'nomad'],
  [/\/slurmstepd\.scope\/job_(\d+)/, 'slurm'],
  [/\/slurm[^/]*\/(?:uid_\d+\/)?job_(\d+)/, 'slurm'],
]

/** The owner of a cgroup, by its path below the root of the hierarchy. Pure. */
export function ownerOf(path: string): Owner | undefined {
  const plain = unescaped(path)
  for (const [pattern, kind] of GROUPS) {
    const found = pattern.exec(plain)
    if (found) return {kind, name: (found[1] ?? '').replaceAll('_', kind === 'kubernetes' ? '-' : '_')}
  }
  return undefined
}

/** systemd writes "-" in the name of a unit as "\x2d" (systemd-escape(1)). Pure. */
export const unescaped = (path: string): string =>
  path.replaceAll(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** How its owner keeps it to the housekeeping CPUs. Pure. */
export function ownerRemedy({kind, name}: Owner, housekeeping: string): Remedy {
  const what = name === '' ? 'NAME' : name
  const meant = 'or declare it under workload: in the config, if it is meant to run there'
  switch (kind) {
    case 'kubernetes':
      return {
        text: `let the kubelet keep its pods off these CPUs: reservedSystemCPUs, and the option strict-cpu-reservation of the static CPU manager; ${meant}`,
      }
    case 'docker':
      return {
        text: `set its CPUs; ${meant}`,
        command: `docker update --cpuset-cpus ${housekeeping} ${what}`,
      }
    case 'podman':
      return {
        text: `set its CPUs; ${meant}`,
        command: `podman update --cpuset-cpus ${housekeeping} ${what}`,
      }
    case 'cri-o':
    case 'containerd':
      return {
        text: `set its CPUs with crictl update --cpuset-cpus ${housekeeping} ${what}; ${meant}`,
      }
    case 'libvirt':
      return {
        text: `pin the domain with <vcpupin> and <emulatorpin> of its XML; ${meant}`,
        command: `virsh emulatorpin ${what} ${housekeeping}`,
      }
    case 'proxmox-vm':
      return {
        text: `set the affinity of the virtual machine; ${meant}`,
        command: `qm set ${what} --affinity ${housekeeping}`,
      }
    case 'proxmox-container':
      return {
        text: `set lxc.cgroup2.cpuset.cpus: ${housekeeping} in /etc/pve/lxc/${what}.conf, and restart it; ${meant}`,
      }
    case 'lxc':
      return {
        text: `set lxc.cgroup2.cpuset.cpus = ${housekeeping} in its configuration, or limits.cpu with LXD and Incus; ${meant}`,
      }
    case 'nerdctl':
      return {
        text: `set its CPUs; ${meant}`,
        command: `nerdctl update --cpuset-cpus ${housekeeping} ${what}`,
      }
    case 'nspawn-unit':
      return {
        text: `set AllowedCPUs= of its unit; ${meant}`,
        command: `systemctl set-property systemd-nspawn@${what}.service AllowedCPUs=${housekeeping}`,
      }
    case 'nomad':
      return {
        text: `leave only CPU ${housekeeping} to Nomad: reservable_cores of its client configuration; ${meant}`,
      }
    case 'slurm':
      return {
        text: `keep Slurm off these CPUs: CpuSpecList of the node in slurm.conf; ${meant}`,
      }
    case 'nspawn':
      return {
        text: `set AllowedCPUs= of its unit; ${meant}`,
        command: `systemctl set-property machine-${what}.scope AllowedCPUs=${housekeeping}`,
      }
  }
}
