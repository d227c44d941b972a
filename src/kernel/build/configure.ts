// SPDX-License-Identifier: MIT
import {readFile, writeFile} from 'node:fs/promises'
import {join} from 'node:path'
import {readIfPresent} from '../../lib/files.ts'
import {overrideConfig, parseConfig} from './config-file.ts'
import {droppedSymbols} from './distribution-config.ts'
import {requireSymbols} from './lost-symbols.ts'
import {type MakeOptions, make} from './make.ts'
import type {ConfigPlan} from './plan.ts'
import {placeSigningKey} from './signing-key.ts'

export interface ConfigureOptions {
  readonly cache: string
  /** Gets what is known only after Kconfig ran. */
  readonly note: (text: string) => void
}

/**
 * Write the .config: the base configuration, the changes to it, then olddefconfig. It is done once
 * for an object directory, so that a build that goes on compiles nothing again. Throws UserError
 * (exit 69) that names every required symbol that olddefconfig changed; Interrupted.
 */
export async function configure(
  plan: ConfigPlan,
  context: MakeOptions,
  {cache, note}: ConfigureOptions,
): Promise<void> {
  const {objects, tree} = context
  if (plan.ownKey) await placeSigningKey(objects, cache)
  const done = join(objects, '.isolctl-configured')
  if ((await readIfPresent(done)) !== undefined) return
  const file = join(objects, '.config')
  const read = () => readFile(file, 'utf8')
  const apply = async (text: string) => {
    await writeFile(file, overrideConfig(text, plan.set))
    await make(['olddefconfig'], context)
  }
  if (plan.text === undefined) await make(['tinyconfig'], context)
  await apply(plan.text ?? (await read()))
  if (plan.modules !== undefined) {
    const list = join(objects, '.isolctl-modules')
    await writeFile(list, plan.modules)
    // localmodconfig asks about symbols that were hidden before; an empty answer is the default.
    const variables = [...context.variables, `LSMOD=${list}`]
    await make(['localmodconfig'], {...context, variables, input: '\n'.repeat(10_000)})
    await apply(await read())
  }
  const final = parseConfig(await read())
  await requireSymbols(plan.required, final, tree)
  if (plan.text !== undefined && plan.modules === undefined) {
    const dropped = droppedSymbols(parseConfig(plan.text), plan.set, final)
    if (dropped.length > 0)
      note(`${dropped.length} options of ${plan.from} are not in this kernel: ${listOf(dropped)}`)
  }
  await writeFile(done, '')
}

const listOf = (names: readonly string[]) =>
  names.length <= 8 ? names.join(', ') : `${names.slice(0, 8).join(', ')} and ${names.length - 8} more`
