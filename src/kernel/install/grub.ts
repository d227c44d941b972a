// SPDX-License-Identifier: MIT
import {basename, dirname, join} from 'node:path'
import {cloneGrubEntry, type GrubEntry, parseGrubCfg} from '../../boot/grub.ts'
import {parseGrubenv} from '../../boot/grubenv.ts'
import type {Host} from '../../host/host.ts'
import {UserError} from '../../lib/errors.ts'
import {Exit} from '../../lib/exit.ts'
import {type BootControl, noEntry, notInForce, TRIAL} from './boot-control.ts'

const CFG = '/boot/grub/grub.cfg'
const ENV = '/boot/grub/grubenv'
/** GRUB reads it at boot (41_custom): an entry is one file. */
const CUSTOM = '/boot/grub/custom.cfg'
const CUSTOM_HEADER = '# Written by isolctl for the trial of a kernel. isolctl removes it after the trial.\n'
const DROP_IN = '/etc/default/grub.d/zz-isolctl-kernel.cfg'
const DROP_IN_HEADER =
  '# Written by isolctl: the kernel that boots by default. isolctl kernel remove removes it.\n'

/** GRUB as Debian and Ubuntu generate its configuration. */
export function grubControl(host: Host): BootControl {
  const entries = async () => parseGrubCfg((await host.read(CFG)) ?? '')
  const variable = async (name: string) => parseGrubenv((await host.read(ENV)) ?? '')?.get(name)
  const isDefault = async (path: string) => defaultOf((await host.read(CFG)) ?? '') === path
  const find = async (release: string) => {
    // The top entry boots the newest kernel. The entries below "Advanced options" name theirs.
    const entry = (await entries())
      .filter(({recovery, section = ''}) => !recovery && section.startsWith('10_linux'))
      .findLast((each) => releaseOf(each) === release && each.id.includes(release))
    if (entry === undefined) throw noEntry('GRUB', release)
    if (!/^[A-Za-z0-9_.,:=/+@%>~-]+$/.test(entry.path))
      throw new UserError(
        `GRUB's entry for ${release} has a name that cannot be the default: ${entry.path}`,
        {
          exit: Exit.unsuitable,
        },
      )
    return entry
  }
  return {
    name: 'GRUB',
    folders: [dirname(CFG), dirname(DROP_IN)],
    requireEntry: async (release) => void (await find(release)),
    async requireOneShot() {
      const probe = async (target: string) =>
        (await host.run(['grub-probe', `--target=${target}`, '/boot/grub'])).stdout.trim()
      const [abstraction, fs] = [await probe('abstraction'), await probe('fs')]
      if (abstraction === '' && WRITABLE.has(fs)) return
      throw new UserError(
        `GRUB cannot write to /boot/grub (${abstraction || fs}): a one-shot boot would repeat`,
        {
          exit: Exit.unsuitable,
          code: 'no-one-shot',
          help: 'put /boot on a plain partition with ext4, or install the package by hand and choose it at the console',
        },
      )
    },
    async defaultRelease() {
      const chosen = defaultOf((await host.read(CFG)) ?? '')
      if (chosen === undefined) return undefined
      const all = await entries()
      const entry = /^\d+$/.test(chosen)
        ? chosen === '0'
          ? all[0]
          : undefined
        : all.find(({path, title, id}) => [path, title, id].includes(chosen))
      return entry === undefined ? undefined : releaseOf(entry)
    },
    async pin(release) {
      const entry = await find(release)
      const text = `${DROP_IN_HEADER}GRUB_DEFAULT="${entry.path}"\n`
      if ((await host.read(DROP_IN)) !== text || !(await isDefault(entry.path))) {
        await host.makeFolder(dirname(DROP_IN), true)
        await host.writeFile(DROP_IN, text)
        await generate(host, entry.path)
      }
      const found = defaultOf((await host.read(CFG)) ?? '')
      if (found !== entry.path) throw notInForce(`${release} was made GRUB's default`, found)
    },
    async unpin() {
      if ((await host.read(DROP_IN)) === undefined) return
      await host.writeFile(DROP_IN, null)
      await generate(host)
    },
    async writeTrial(release, like, more) {
      const there = await host.read(CUSTOM)
      if (there !== undefined && !there.startsWith(CUSTOM_HEADER))
        throw new UserError(
          `${CUSTOM} was not written by isolctl, and the entry of the trial must be there`,
          {
            exit: Exit.unsuitable,
            code: 'custom-cfg',
            help: 'move its entries to /etc/grub.d/40_custom and run update-grub',
          },
        )
      const model = (await entries()).findLast((entry) => !entry.recovery && releaseOf(entry) === like)
      if (model === undefined) throw noEntry('GRUB', like)
      const hasInitrd = (await host.list('/boot')).includes(`initrd.img-${release}`)
      const initrd = model.initrd.flatMap((path) =>
        basename(path) !== `initrd.img-${like}`
          ? [path]
          : hasInitrd
            ? [join(dirname(path), `initrd.img-${release}`)]
            : [],
      )
      const entry = cloneGrubEntry(model, {
        id: TRIAL,
        title: `isolctl: trial of ${release}`,
        kernel: join(dirname(model.kernel), `vmlinuz-${release}`),
        args: [...model.args, ...more],
        initrd,
      })
      await host.writeFile(CUSTOM, CUSTOM_HEADER + entry)
    },
    async dropTrial() {
      if ((await host.read(CUSTOM))?.startsWith(CUSTOM_HEADER)) await host.writeFile(CUSTOM, null)
    },
    async arm() {
      await host.run(['grub-reboot', TRIAL])
      await host.checkpoint(dirname(ENV))
      const found = await variable('next_entry')
      if (found !== TRIAL) throw notInForce('the trial was set to boot next', found)
    },
    async disarm() {
      if ((await variable('next_entry')) === TRIAL)
        await host.run(['grub-editenv', ENV, 'unset', 'next_entry'])
    },
    armed: async () => (await variable('next_entry')) === TRIAL,
  }
}

/**
 * Replace grub.cfg in one step (docs/adr/0009). Throws UserError, and keeps the old file, if the
 * new one has another default than `wanted`.
 */
async function generate(host: Host, wanted?: string): Promise<void> {
  const {stdout} = await host.run(['grub-mkconfig'], {translated: true})
  const found = defaultOf(stdout)
  if (wanted !== undefined && found !== wanted) throw notInForce('the default of GRUB was set', found)
  await host.run(['grub-script-check'], {stdin: stdout})
  await host.writeFile(CFG, stdout)
}

/** The file systems on which GRUB's save_env works (GRUB manual, "Environment block"). */
const WRITABLE = new Set(['ext2', 'fat', 'xfs', 'exfat'])

/** `set default="..."` of a generated grub.cfg, without the branch for next_entry. Pure. */
export function defaultOf(cfg: string): string | undefined {
  return /^\s*set default="([^"$]*)"\s*$/m.exec(cfg)?.[1]
}

const releaseOf = ({kernel}: GrubEntry): string | undefined => /^vmlinu[xz]-(.+)$/.exec(basename(kernel))?.[1]
