// SPDX-License-Identifier: MIT
import {Flags} from '@oclif/core'
import {buildKernel} from '../../kernel/build/build.ts'
import {copyBuilt, requireFolder} from '../../kernel/build/output-folder.ts'
import {planPackage} from '../../kernel/build/package-product.ts'
import {logOf} from '../../kernel/build/plan.ts'
import {interruptible} from '../../lib/interrupt.ts'
import {findProgram} from '../../lib/programs.ts'
import {builtReport, planJson, planReport} from '../../report/kernel-build.ts'
import {showProgress} from '../../ui/progress.ts'
import {IsolCommand} from '../base.ts'

export default class KernelBuild extends IsolCommand {
  static override summary = 'Build the patched kernel as a Debian or RPM package.'
  static override description =
    `Takes the kernel source of Debian (linux-source-6.12) or the one you name, and applies the patches for its version. The
configuration is that of the running kernel and what isolctl needs. The result is a package with a manifest. Every check that
is possible before compiling is made first. The same source, patches, configuration and compiler are built once; after Ctrl-C
the same command goes on where it stopped. isolctl kernel install installs the package. --root DIR builds for a captured machine.`
  static override examples = [
    '<%= config.bin %> kernel build',
    '<%= config.bin %> kernel build --dry-run',
    '<%= config.bin %> kernel build --localmodconfig',
    '<%= config.bin %> kernel build --source linux-6.12.117.tar.xz --sums sha256sums.asc --keyring kernel-org.gpg',
    '<%= config.bin %> kernel build --source ~/linux --tag v6.12.117 --keyring kernel-org.gpg',
    '<%= config.bin %> kernel build --source ~/linux --kconfig my.config --output ./packages',
  ]
  static override flags = {
    'dry-run': Flags.boolean({char: 'n', description: 'only print what would be built', default: false}),
    source: Flags.string({
      helpValue: '<path>',
      description: 'a Linux source archive, a source tree (it is only read), or a git repository for --tag',
      env: 'ISOLCTL_KERNEL_SOURCE',
    }),
    tag: Flags.string({
      description: 'build this tag of a local git repository (--source, or the working directory)',
    }),
    sums: Flags.file({
      description: 'the sha256sums.asc of kernel.org that must name the archive',
      exists: true,
      dependsOn: ['source', 'keyring'],
    }),
    keyring: Flags.file({
      description: 'the public keys of kernel.org, from gpg --export; isolctl has their fingerprints',
      exists: true,
    }),
    unsigned: Flags.boolean({description: 'accept an archive without a signature', exclusive: ['sums']}),
    kconfig: Flags.file({
      description: 'the kernel configuration to start from, instead of that of the running kernel',
      exists: true,
    }),
    localmodconfig: Flags.boolean({
      description:
        'build only the modules that are loaded now: faster, but devices that are plugged in later have no driver',
    }),
    'debug-info': Flags.boolean({description: 'keep debug information and BTF: three times the disk space'}),
    format: Flags.option({
      description: 'the kind of package; by default that of this machine',
      options: ['deb', 'rpm'] as const,
    })(),
    jobs: Flags.integer({
      char: 'j',
      description: 'compile this many files at once; by default as many as CPUs and memory allow',
      min: 1,
      max: 8192,
    }),
    output: Flags.directory({char: 'o', description: 'also copy the packages to this directory'}),
    rebuild: Flags.boolean({description: 'build again, and print whether the result is the same'}),
    'for-secure-boot': Flags.boolean({
      description: 'build although Secure Boot is on; you sign the kernel yourself',
    }),
    patches: Flags.directory({
      description: 'a folder like kernel-patches/, to use instead of that of isolctl',
      exists: true,
    }),
  }

  async run(): Promise<unknown> {
    const {flags} = await this.parse(KernelBuild)
    if (flags.output !== undefined) await requireFolder(flags.output)
    const {keyring, sums} = flags
    const note = (text: string) => flags.quiet || this.jsonEnabled() || this.logToStderr(`note: ${text}`)
    return await interruptible(async (signal) => {
      const plan = await planPackage({
        host: this.view(flags.root),
        source: {
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
        this.print(planReport(plan), flags)
        return planJson(plan)
      }
      const progress = showProgress({quiet: flags.quiet || this.jsonEnabled()})
      const built = await buildKernel(plan, {progress, jobs: flags.jobs, again: flags.rebuild, signal, note})
      const folder = flags.output === undefined ? built.folder : await copyBuilt(built, flags.output)
      const before = flags.rebuild ? plan.built : undefined
      const same = before && {reproduced: before.vmlinuxSha256 === built.vmlinuxSha256}
      this.print(builtReport({...built, ...same, folder}), flags)
      return {...built, ...same, folder, log: await logOf(plan), notes: plan.notes}
    })
  }
}
