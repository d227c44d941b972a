// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {logOf, runBuild} from '../../kernel/build/build.ts'
import {copyBuilt, requireFolder} from '../../kernel/build/output-folder.ts'
import {planBuild} from '../../kernel/build/plan.ts'
import {interruptible} from '../../lib/interrupt.ts'
import {findProgram} from '../../lib/programs.ts'
import {builtReport, planJson, planReport} from '../../report/kernel-build.ts'
import {showProgress} from '../../ui/progress.ts'
import {IsolCommand} from '../base.ts'

export default class KernelBuild extends IsolCommand {
  static override summary =
    'Build the patched kernel as a package, from the configuration of the kernel that runs.'
  static override description =
    `Takes Debian's kernel source (linux-source-6.12) or the one you name, applies the patches that fit it, configures it as the
running kernel is and with what isolctl needs, compiles it, and makes a package with a manifest. What can go wrong is looked for first.
The same source, patches, configuration and compiler are built once; after Ctrl-C the same command goes on where it stopped.
Nothing is installed: isolctl kernel install does that. --root DIR builds for a captured machine.`
  static override examples = [
    '<%= config.bin %> kernel build',
    '<%= config.bin %> kernel build --dry-run',
    '<%= config.bin %> kernel build --localmodconfig',
    '<%= config.bin %> kernel build --source linux-6.12.117.tar.xz --sums sha256sums.asc --keyring kernel-org.gpg',
    '<%= config.bin %> kernel build --source ~/linux --tag v6.12.117 --keyring kernel-org.gpg',
    '<%= config.bin %> kernel build --source ~/linux --kconfig my.config --output ./packages',
  ]
  static override flags = {
    'dry-run': Flags.boolean({char: 'n', description: 'only say what would be built', default: false}),
    source: Flags.string({
      helpValue: '<path>',
      description: 'a Linux source archive, a source tree (it is only read), or a git repository for --tag',
      env: 'ISOLCTL_KERNEL_SOURCE',
    }),
    tag: Flags.string({description: 'build this tag of a local git repository (--source, or here)'}),
    sums: Flags.file({
      description: 'the sha256sums.asc of kernel.org that has to vouch for the archive',
      exists: true,
      dependsOn: ['source', 'keyring'],
    }),
    keyring: Flags.file({
      description:
        'the public keys of kernel.org, as gpg --export writes them; isolctl knows their fingerprints',
      exists: true,
    }),
    unsigned: Flags.boolean({description: 'take an archive that nobody signed for', exclusive: ['sums']}),
    kconfig: Flags.file({
      description: 'the kernel configuration to start from, instead of that of the running kernel',
      exists: true,
    }),
    localmodconfig: Flags.boolean({
      description:
        'only the modules that are loaded now: quick to build, and blind to what is plugged in later',
    }),
    'debug-info': Flags.boolean({description: 'keep debug information and BTF: three times the disk space'}),
    format: Flags.option({
      description: 'what kind of package; what this machine has, when not given',
      options: ['deb', 'rpm'] as const,
    })(),
    jobs: Flags.integer({
      char: 'j',
      description: 'compile this many files at once; by CPUs and memory',
      min: 1,
    }),
    output: Flags.directory({char: 'o', description: 'put the packages there too'}),
    rebuild: Flags.boolean({description: 'build it again, and say whether it came out the same'}),
    'for-secure-boot': Flags.boolean({
      description: 'Secure Boot is on, and you will sign the kernel yourself',
    }),
    patches: Flags.directory({
      description: 'a folder like kernel-patches/ instead of that one',
      exists: true,
    }),
  }

  async run(): Promise<unknown> {
    const {flags} = await this.parse(KernelBuild)
    if (flags.output !== undefined) await requireFolder(flags.output)
    const {keyring, sums} = flags
    const note = (text: string) => flags.quiet || this.jsonEnabled() || this.logToStderr(`note: ${text}`)
    return await interruptible(async (signal) => {
      const plan = await planBuild({
        host: this.view(flags.root),
        origin: {
          path: flags.source,
          tag: flags.tag,
          signed: sums === undefined || keyring === undefined ? undefined : {sums, keyring},
          keyring,
          unsigned: flags.unsigned,
        },
        kconfig: flags.kconfig,
        localmodconfig: flags.localmodconfig,
        debugInfo: flags['debug-info'],
        format: flags.format ?? ((await findProgram('dpkg-deb')) === undefined ? 'rpm' : 'deb'),
        forSecureBoot: flags['for-secure-boot'],
        patches: flags.patches,
        signal,
      })
      for (const text of plan.notes) note(text)
      if (flags['dry-run']) {
        this.log(planReport(plan))
        return planJson(plan)
      }
      const progress = showProgress({quiet: flags.quiet || this.jsonEnabled()})
      const built = await runBuild(plan, {progress, jobs: flags.jobs, again: flags.rebuild, signal, note})
      const folder = flags.output === undefined ? built.folder : await copyBuilt(built, flags.output)
      const before = flags.rebuild ? plan.built : undefined
      const same = before && {reproduced: before.vmlinuxSha256 === built.vmlinuxSha256}
      this.log(builtReport({...built, ...same, folder}))
      return {...built, ...same, folder, log: await logOf(plan), notes: plan.notes}
    })
  }
}
