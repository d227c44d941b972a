// SPDX-License-Identifier: MIT
import type {PackagePlan} from '../kernel/build/package-product.ts'
import {provenanceOf} from '../kernel/build/plan.ts'
import {count, table} from '../lib/text.ts'
import type {PackageManifest} from '../schema/kernel-build.ts'

const ANSWERS = {
  apt: 'apt verified the package',
  signature: 'signed by kernel.org',
  user: 'named by you, not verified',
} as const

/** What `kernel build --dry-run` prints; several lines. Pure. */
export function planReport({origin, series, config, release, format, compiler, built}: PackagePlan): string {
  const {source, verified} = origin
  return [
    ...table([
      ['source', `Linux ${source.version}, ${source.archive} (${ANSWERS[verified]})`],
      ['patches', `${series.patches.length}, the series for ${series.base.version} (${series.base.applies})`],
      [
        'config',
        `${config.from}, and what isolctl needs${config.modules === undefined ? '' : '; only loaded modules'}`,
      ],
      ['compiler', compiler],
      ['release', release],
      ['package', format],
    ]),
    built === undefined ? 'It would be built now.' : `It is in the cache: ${built.folder}`,
  ].join('\n')
}

export interface BuildResult extends PackageManifest {
  readonly folder: string
  /** For a second build: whether vmlinux is the same as before. */
  readonly reproduced?: boolean
}

/** What a build made, and the command that installs it; several lines. Pure. */
export function builtReport(built: BuildResult): string {
  const {release, folder, files, buildId, objects, reproduced, format} = built
  return [
    `${release}: ${count(objects, 'object')}, build id ${buildId}`,
    ...(reproduced === undefined
      ? []
      : [reproduced ? 'vmlinux is the same as before.' : 'vmlinux is not the same as before.']),
    ...files.map(({name}) => `  ${folder}/${name}`),
    format === 'deb'
      ? `Install it for one trial boot with: isolctl kernel install ${folder}`
      : `Install it beside the running kernel with: rpm -ivh --oldpackage ${folder}/*.rpm`,
  ].join('\n')
}

/** `isolctl.kernel-build-plan/1`, what `kernel build --dry-run --json` prints. Pure. */
export function planJson(plan: PackagePlan): object {
  const {key, release, config, compiler, format, notes, built} = plan
  return {
    schema: 'isolctl.kernel-build-plan/1',
    ...{key, release, format, compiler, notes},
    ...provenanceOf(plan),
    config: {from: config.from},
    ...(built === undefined ? {} : {built: built.folder}),
  }
}
