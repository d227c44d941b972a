// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {cacheRoot} from '../../lib/cache.ts'
import {type LabManifest, LabManifestSchema} from '../../schema/kernel-build.ts'
import {findSource, type SourceRequest} from '../source/find-source.ts'
import {allSeries, readFragment, readSeries} from '../source/series.ts'
import {mergeConfigs, parseConfig} from './config-file.ts'
import {type BuildPlan, type Product, planBuild} from './plan.ts'

/**
 * `fragments` of kernel-patches/<base>/config, over tinyconfig; a later one wins. `objects`: their
 * number in Linux 6.12.117, for the progress of the first build.
 */
const FLAVOURS = {
  lab: {fragments: ['lab', 'isolation'], objects: 1590},
  debug: {fragments: ['lab', 'isolation', 'debug'], objects: 1700},
  off: {fragments: ['lab', 'isolation', 'off'], objects: 1590},
} as const
export type Flavour = keyof typeof FLAVOURS

/** What the objects of a kernel as small as the lab's take, measured with Linux 6.12. */
const OBJECTS_BYTES = 1e9

const IMAGE = 'bzImage'

/** A small kernel for QEMU: a bzImage without modules. */
const labProduct = (flavour: Flavour): Product<LabManifest> => ({
  schema: LabManifestSchema,
  format: 'bzImage',
  target: 'bzImage',
  step: 'compile the kernel',
  environment: {},
  objects: FLAVOURS[flavour].objects,
  collect: async (objects) => [{role: 'image', path: join(objects, 'arch/x86/boot', IMAGE)}],
  manifest: ({files, ...facts}) => ({schema: 'isolctl.kernel/2', ...facts, flavour, files}),
})

export interface LabKernelRequest {
  readonly flavour: Flavour
  /** Debian's archive if `path` is absent. A path needs no signature. */
  readonly source: SourceRequest
  /** A folder like kernel-patches/6.12; every series of this installation if absent. */
  readonly series?: string | undefined
  readonly cache?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Plan a kernel for the lab. Throws UserError (exit 69) for a missing source, a source without a
 * series, missing software and a full disk; Interrupted.
 */
export async function planLabKernel(request: LabKernelRequest): Promise<BuildPlan<LabManifest>> {
  const {flavour, signal, cache = cacheRoot()} = request
  const all = request.series === undefined ? await allSeries() : [await readSeries(request.series)]
  const {origin, series} = await findSource({...request.source, unsigned: true}, all, {cache, signal})
  const {fragments} = FLAVOURS[flavour]
  const texts = await Promise.all(fragments.map((name) => readFragment(series.folder, name)))
  const set = mergeConfigs(texts.map(parseConfig))
  return await planBuild({
    product: labProduct(flavour),
    origin,
    series,
    ingredients: {config: set, modules: ''},
    named: (key) => ({
      name: `${flavour}-${key}`,
      config: {from: fragments.join(' + '), set, required: set, ownKey: false},
    }),
    programs: [],
    bytes: OBJECTS_BYTES,
    cache,
  })
}

/** The path of the image that QEMU boots. Pure. */
export const bzImageOf = ({folder}: {readonly folder: string}): string => join(folder, IMAGE)
