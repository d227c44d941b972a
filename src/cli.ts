// SPDX-License-Identifier: MIT
import {Config, type Interfaces, Plugin} from '@oclif/core'
import manifest from '../package.json' with {type: 'json'}
import {type Call, readCall} from './commands/call.ts'
import {IsolHelp} from './commands/help.ts'
import {commandsFor} from './commands/index.ts'
import {reportFailure} from './ui/failure.ts'
import {outliveOutput} from './ui/output.ts'

const pjson: Interfaces.PJSON = {
  ...manifest,
  oclif: {
    ...manifest.oclif,
    topicSeparator: ' ',
    commands: {strategy: 'explicit', target: '-', identifier: 'COMMANDS'},
  },
}

/** Gives the commands to oclif's own Plugin, so that oclif does not search the disk. */
async function loadConfig(commandId: string | undefined): Promise<Config> {
  const root = '/'
  const plugin = new Plugin({
    root,
    pjson,
    isRoot: true,
    type: 'core',
    ignoreManifest: true,
    errorOnManifestCreate: true,
  })
  plugin['commandCache'] = await commandsFor(commandId)
  await plugin.load()
  return await Config.load({root, pjson, plugins: new Map([[plugin.name, plugin]])})
}

async function answer(call: Call): Promise<void> {
  switch (call.kind) {
    case 'version': {
      const {userAgent} = await loadConfig(undefined)
      process.stdout.write(`${userAgent}\n`)
      return
    }
    case 'help': {
      const config = await loadConfig(call.subject)
      await new IsolHelp(config).showHelp(call.subject === undefined ? [] : [call.subject])
      return
    }
    case 'run': {
      const config = await loadConfig(call.id)
      await config.runCommand(call.id, [...call.argv])
    }
  }
}

/** Never rejects: every failure has been reported and is in the exit code. */
export async function main(args = process.argv.slice(2)): Promise<void> {
  outliveOutput()
  try {
    await answer(readCall(args))
  } catch (error) {
    reportFailure(error, {json: args.includes('--json'), verbose: args.includes('--verbose')})
  }
}
