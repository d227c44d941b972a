// SPDX-License-Identifier: MIT
import {join} from 'node:path'
import {resolveSettings} from '../../config/settings.ts'
import {localHost} from '../../host/local.ts'
import {tell} from '../../lab/demo/tell.ts'
import {packageRoot} from '../../lib/assets.ts'
import {Exit} from '../../lib/exit.ts'
import {colour} from '../../report/colour.ts'
import {IsolCommand} from '../base.ts'

const WIDTH = 78

/**
 * The part of `lab demo` that runs inside the machine. It changes that machine, and undoes the
 * changes.
 */
export default class LabStory extends IsolCommand {
  static override hidden = true
  static override enableJsonFlag = false
  static override summary = 'The part of lab demo that runs inside the machine.'

  async run(): Promise<void> {
    const {flags} = await this.parse(LabStory)
    const host = localHost()
    const {isolated} = await resolveSettings(host, {config: flags.config})
    let part = 0
    const broken = await tell(
      {
        host,
        ourselves: [process.execPath, join(packageRoot, 'bin/run.js')],
        sample: (name) => `dist/libexec/samples/${name}`,
        isolctl: async (...words) => {
          this.log(colour.bold(`$ isolctl ${words.join(' ')}`))
          const [id = '', ...args] = words
          process.exitCode = Exit.ok
          const result: unknown = await this.config.runCommand(id, args)
          const exit = Number(process.exitCode)
          process.exitCode = Exit.ok
          return {exit, result}
        },
        say: (line = '') => this.log(line),
        title: (text) => {
          const head = `── ${++part} ── ${text} `
          this.log(`\n${colour.bold(head.padEnd(WIDTH, '─'))}`)
        },
        verdict: (holds, claim) => this.log(holds ? colour.green(`✔ ${claim}`) : colour.red(`✖ ${claim}`)),
      },
      isolated,
    )
    this.log(
      broken === 0
        ? `\n${colour.bold('Every claim above held.')}`
        : `\n${colour.red(`${broken} of the claims above did not hold.`)}`,
    )
    if (broken > 0) process.exitCode = Exit.failures
  }
}
