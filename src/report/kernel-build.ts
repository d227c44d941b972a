// SPDX-License-Identifier: MIT
import {type BuildPlan, ingredientsOf} from '../kernel/build/plan.ts'
import {count, table} from '../lib/text.ts'
import type {BuildManifest} from '../schema/kernel-build.ts'

const ANSWERS = {
  apt: 'apt verified the package',
  signature: 'signed by kernel.org',
  user: 'as you named it',
} as const

/** What `kernel build --dry-run` says; several lines. */
export function planReport({
  origin,
  series,
  base,
  modules,
  release,
  format,
  compiler,
  built,
}: BuildPlan): string {
  const {source, verified} = origin
  return [
    ...table([
      ['source', `Linux ${source.version}, ${source.archive} (${ANSWERS[verified]})`],
      ['patches', `${series.patches.length}, the series for ${series.base.version} (${series.base.applies})`],
      [
        'config',
        `${base.from}, and what isolctl needs${modules === undefined ? '' : '; only loaded modules'}`,
      ],
      ['compiler', compiler],
      ['release', release],
      ['package', format],
    ]),
    built === undefined ? 'It would be built now.' : `It is built already: ${built.folder}`,
  ].join('\n')
}

export interface BuildResult extends BuildManifest {
  readonly folder: string
  /** Of a second build: whether it came out the same. */
  readonly reproduced?: boolean
}

/** What a build made, and what to do with it; several lines. */
export function builtReport(built: BuildResult): string {
  const {release, folder, files, buildId, objects, reproduced, format} = built
  return [
    `${release}: ${count(objects, 'object')}, build id ${buildId}`,
    ...(reproduced === undefined
      ? []
      : [
          reproduced
            ? 'It is the same as before, to the last byte of vmlinux.'
            : 'It is not the same as before.',
        ]),
    ...files.map(({name}) => `  ${folder}/${name}`),
    format === 'deb'
      ? `Install it for one trial boot with: isolctl kernel install ${folder}`
      : `Install it beside the kernel that runs with: rpm -ivh --oldpackage ${folder}/*.rpm`,
  ].join('\n')
}

/** `isolctl.kernel-build-plan/1` */
export function planJson(plan: BuildPlan): object {
  const {key, release, base, compiler, format, notes, built} = plan
  return {
    schema: 'isolctl.kernel-build-plan/1',
    ...{key, release, format, compiler, notes},
    ...ingredientsOf(plan),
    config: {from: base.from},
    ...(built === undefined ? {} : {built: built.folder}),
  }
}
