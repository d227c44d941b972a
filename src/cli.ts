// SPDX-License-Identifier: MIT
import {type Interfaces, Plugin, run} from '@oclif/core'
import manifest from '../package.json' with {type: 'json'}
import {commandsFor} from './commands/index.ts'
import {reportFailure} from './ui/failure.ts'

const pjson: Interfaces.PJSON = {
  ...manifest,
  oclif: {
    ...manifest.oclif,
    topicSeparator: ' ',
    commands: {strategy: 'explicit', target: '-', identifier: 'COMMANDS'},
  },
}

/** oclif's own Plugin, handed the commands we imported, so that nothing is looked up on disk. */
async function loadOptions(args: readonly string[]): Promise<Interfaces.Options> {
  const root = '/'
  const plugin = new Plugin({
    root,
    pjson,
    isRoot: true,
    type: 'core',
    ignoreManifest: true,
    errorOnManifestCreate: true,
  })
  plugin['commandCache'] = await commandsFor(args)
  await plugin.load()
  return {root, pjson, plugins: new Map([[plugin.name, plugin]])}
}

/** Never rejects: every failure has been reported and is in the exit code. */
export async function main(args = process.argv.slice(2)): Promise<void> {
  process.stdout.off('error', outputFailed).on('error', outputFailed)
  try {
    await run(args, await loadOptions(args))
  } catch (error) {
    reportFailure(error, {json: args.includes('--json'), verbose: args.includes('--verbose')})
  }
}

/** A reader that goes away (`isolctl preflight | head`) is not an error of ours. */
function outputFailed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
