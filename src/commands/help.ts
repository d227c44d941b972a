// SPDX-License-Identifier: MIT
import {Help} from '@oclif/core'

/** The commands and topics as `isolctl --help` lists them. Each has one place. */
export const MENU: readonly {readonly title: string; readonly names: readonly string[]}[] = [
  {title: 'MAIN PATH', names: ['init', 'plan', 'apply', 'preflight', 'launch']},
  {title: 'AFTER APPLY', names: ['status', 'stop', 'confirm', 'undo']},
  {title: 'LOOK AND LEARN', names: ['topology', 'measure', 'report', 'explain', 'lint', 'capture']},
  {title: 'KERNEL AND LAB', names: ['kernel', 'lab']},
]

const NAME_WIDTH = Math.max(...MENU.flatMap(({names}) => names.map((name) => name.length)))

/**
 * oclif's help with another first page, which shows the main path first, and the rest by purpose.
 */
export class IsolHelp extends Help {
  protected override async showRootHelp(): Promise<void> {
    this.log(`${this.config.pjson['description']}\n`)
    this.log(this.section('USAGE', `$ ${this.config.bin} COMMAND [OPTIONS]`))
    for (const {title, names} of MENU) {
      const rows = names.map((name): [string, string] => [name.padEnd(NAME_WIDTH), this.aboutOf(name)])
      this.log(`\n${this.section(title, this.renderList(rows, {indentation: 2, spacer: '\n'}))}`)
    }
    const {bin} = this.config
    this.log(`\n${bin} COMMAND --help explains a command, also for kernel and lab.`)
  }

  /** The summary of a command, or the description of a topic with the names of its commands. */
  private aboutOf(name: string): string {
    const command = this.config.findCommand(name)
    if (command) return this.summary(command) ?? ''
    const commands = this.sortedCommands.flatMap(({id}) =>
      id.startsWith(`${name}:`) ? [id.slice(name.length + 1)] : [],
    )
    const about = this.config.findTopic(name)?.description ?? ''
    return `${about.replace(/\.$/, '')}: ${commands.join(', ')}.`
  }
}
