// SPDX-License-Identifier: MIT
import {Args} from '@oclif/core'
import type {Check} from '../checks/check.ts'
import {CHECKS} from '../checks/registry.ts'
import {UserError} from '../lib/errors.ts'
import {didYouMean} from '../lib/nearest.ts'
import {ACTIVITIES, findActivities} from '../model/activities.ts'
import {renderActivity, renderActivityList} from '../report/activities.ts'
import {paintWith} from '../report/colour.ts'
import {explanation, renderCheckList, renderExplanation} from '../report/explain.ts'
import {columns} from '../ui/terminal.ts'
import {IsolCommand} from './base.ts'

const SCHEMA = {schema: 'isolctl.explain/1'} as const
const LIST = 'activities'

export default class Explain extends IsolCommand {
  static override summary = 'Explain a check, or what may be done while something runs isolated.'
  static override description =
    'Without an id, it lists the checks by subject, as preflight prints them. "activities" lists what was tried beside an ' +
    'isolated thread; such an activity is found by its id, or by words such as the name of a program.'
  static override examples = [
    '<%= config.bin %> explain',
    '<%= config.bin %> explain tick-stopped-under-load',
    '<%= config.bin %> explain activities',
    '<%= config.bin %> explain tcpdump',
  ]
  static override args = {
    id: Args.string({description: 'the check, or the activity, to explain', ignoreStdin: true}),
  }

  async run(): Promise<object> {
    const {args, flags} = await this.parse(Explain)
    const layout = {paint: paintWith, width: Math.min(columns(), 100)}
    const {id} = args
    if (id === undefined) {
      this.print(renderCheckList(layout).join('\n'), flags)
      return {...SCHEMA, checks: CHECKS.map(({id, title}: Check) => ({id, title}))}
    }
    if (id === LIST) {
      this.print(renderActivityList(ACTIVITIES, layout).join('\n'), flags)
      return {...SCHEMA, ...ACTIVITIES}
    }
    // Part of a check's id is asked back, as before there were activities.
    const activities = CHECKS.some((check) => check.id.includes(id)) ? [] : findActivities(id)
    if (activities.length > 0) {
      const texts = activities.map((activity) => renderActivity(activity, ACTIVITIES, layout).join('\n'))
      this.print(texts.join('\n\n'), flags)
      return {...SCHEMA, activities}
    }
    const check = findExplained(id)
    this.print(renderExplanation(check, layout).join('\n'), flags)
    return {...SCHEMA, ...explanation(check)}
  }
}

/** Throws UserError for what is neither a check nor an activity. */
function findExplained(id: string): Check {
  const check = CHECKS.find((candidate) => candidate.id === id)
  if (check) return check
  const ids = CHECKS.map((candidate) => candidate.id)
  const activities = ACTIVITIES.subjects.flatMap(({activities}) => activities.map((activity) => activity.id))
  const found = findActivities(id).map((activity) => activity.id)
  const near = didYouMean(id, ids) ?? didYouMean(id, activities)
  throw new UserError(`no check is called "${id}"`, {
    code: 'unknown-check',
    help:
      near === undefined
        ? `isolctl explain lists all checks, isolctl explain ${LIST} what was tried beside an isolated thread`
        : near + (found.length === 0 ? '' : ` Of the activities: ${found.join(', ')}`),
  })
}
