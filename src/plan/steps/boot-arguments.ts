// SPDX-License-Identifier: MIT

import {bootWords} from '../../boot/arguments.ts'
import {planBls} from '../../boot/bls.ts'
import {planGrub} from '../../boot/grub.ts'
import {isolationOf} from '../../boot/isolation.ts'
import {objection, sameIsolation} from '../../boot/judge.ts'
import {isTooOld} from '../../boot/kernel-rules.ts'
import type {BootPlan, WantedWord} from '../../boot/loader.ts'
import type {BootLoader} from '../../boot/loaders.ts'
import {planProxmox} from '../../boot/proxmox.ts'
import {planSystemdBoot} from '../../boot/systemd-boot.ts'
import {sameWord} from '../../boot/words.ts'
import {bootLoader} from '../../facts/boot-loader.ts'
import {cmdline} from '../../facts/cmdline.ts'
import {possible, present} from '../../facts/cpus.ts'
import {optional} from '../../facts/fact.ts'
import {kernel} from '../../facts/kernel.ts'
import {kernelConfig} from '../../facts/kernel-config.ts'
import {clocksource, cpuFlags, machine} from '../../facts/platform.ts'
import {settings} from '../../facts/settings.ts'
import type {Settings} from '../../model/settings.ts'
import {defineStep} from '../step.ts'

/** A kernel without these options silently ignores the arguments. */
const NEEDED = ['NO_HZ_FULL', 'CPU_ISOLATION', 'RCU_NOCB_CPU']

export const bootArguments = defineStep({
  id: 'boot-arguments',
  check: 'nohz-full-effective',
  title: ({isolated}) => `Isolate CPUs ${isolated} at boot`,
  blast:
    'nothing changes before the next boot; the recovery entry and the entries of others do not get the arguments',
  needsReboot: true,
  facts: {
    settings,
    bootLoader,
    cmdline,
    kernel,
    possible,
    present: optional(present),
    kernelConfig: optional(kernelConfig),
    clocksource: optional(clocksource),
    cpuFlags: optional(cpuFlags),
    machine: optional(machine),
  },
  plan({
    settings,
    bootLoader,
    cmdline,
    kernel,
    possible,
    present,
    kernelConfig,
    clocksource,
    cpuFlags,
    machine,
  }) {
    const {wanted, notes} = bootWords({...asked(settings), kernel}, {clocksource, flags: cpuFlags})
    if (isTooOld(kernel))
      throw new Error(`it is not known how Linux ${kernel.release} reads its boot arguments`)
    const words = wanted.map(({word}) => word)
    const cpus = {kernel, count: Math.max(...possible) + 1, ...(present === undefined ? {} : {present})}
    const missing = NEEDED.find(
      (name) => kernelConfig !== undefined && kernelConfig.symbols.get(name) !== 'y',
    )
    if (missing !== undefined)
      throw new Error(
        `this kernel was built without CONFIG_${missing}, and would silently ignore these arguments`,
      )
    const booted = isolationOf(cmdline, cpus)
    const effective = sameIsolation(booted, isolationOf(words.join(' '), cpus))
    const planned = planLoader(bootLoader, wanted)
    if (planned === undefined) {
      // A boot loader that isolctl does not configure already passes them.
      if (effective) return {changes: []}
      throw new Error(advice(bootLoader, words.join(' ')))
    }
    const passed = words.filter((word) => !planned.notes.some(({subject}) => subject === word))
    const objected = objection(planned.line, passed, {cpus, machine})
    if (objected !== undefined) throw new Error(objected)
    if (planned.changes.length > 0) return {changes: planned.changes, notes: [...notes, ...planned.notes]}
    const here = passed.every((word) => cmdline.args.some(({text}) => sameWord(text, word)))
    return effective && here ? {changes: []} : {changes: [], notes: planned.notes, pending: true as const}
  },
})

const asked = ({isolated, housekeeping, boot}: Settings) => ({
  isolated,
  housekeeping,
  isolation: boot?.isolation ?? 'static',
  extra: boot?.extra ?? [],
})

/** Undefined for a boot loader that isolctl does not configure. */
function planLoader(loader: BootLoader, wanted: readonly WantedWord[]): BootPlan | undefined {
  switch (loader.kind) {
    case 'grub':
      return planGrub(loader.state, wanted)
    case 'grub-bls':
      return planBls(loader.state, wanted)
    case 'systemd-boot':
      return planSystemdBoot(loader.state, wanted)
    case 'proxmox':
      return planProxmox(loader.state, wanted)
    default:
      return undefined
  }
}

function advice(loader: BootLoader, words: string): string {
  return loader.kind === 'other'
    ? `${loader.why}: ${loader.add(words)}`
    : `no boot loader that isolctl knows was found; pass these arguments to the kernel: ${words}`
}
