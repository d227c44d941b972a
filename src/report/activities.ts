// SPDX-License-Identifier: MIT
import {wrap} from '../lib/text.ts'
import type {ActivityTable, MeasuredActivity, Measurement} from '../model/activities.ts'
import type {Paint} from './text.ts'

interface Layout {
  readonly paint: Paint
  readonly width: number
}

/** What a result means, in the words of a reader. */
const MEANING: Readonly<Record<string, string>> = {
  held: 'isolation holds',
  broke: 'ends isolation',
  died: 'unknown: the machine stopped',
  'not tried': 'not tried',
}

/** "ends isolation: a module was unloaded by rmmod". Pure. */
function outcome({result, why, sentence, deferred = 0}: Measurement): string {
  const more = sentence ?? why
  const waited = result === 'held' && deferred > 0 ? `, ${deferred} interruptions were put off` : ''
  return `${MEANING[result] ?? result}${more === undefined ? '' : `: ${more}`}${waited}`
}

const earlier = ({before}: MeasuredActivity): string => {
  if (before === undefined) return ''
  return before.result === 'broke' ? `broke: ${before.by || before.cause}` : before.result
}

/** Every activity by its subject, for `isolctl explain activities`. Pure. */
export function renderActivityList({subjects}: ActivityTable, {paint, width}: Layout): readonly string[] {
  const idWidth = Math.max(...subjects.flatMap(({activities}) => activities.map(({id}) => id.length)))
  return subjects.flatMap(({subject, activities}, index) => [
    ...(index === 0 ? [] : ['']),
    paint('bold', subject),
    ...activities.map(({id, title, now}) =>
      `  ${paint('cyan', id.padEnd(idWidth))} ${(MEANING[now.result] ?? now.result).padEnd(15)} ${title}`.slice(
        0,
        Math.max(width, 80) + paint('cyan', '').length,
      ),
    ),
  ])
}

/** One activity, in sections. Pure. */
export function renderActivity(
  activity: MeasuredActivity,
  {kernel, machine, beforeKernel}: ActivityTable,
  {paint, width}: Layout,
): readonly string[] {
  const {id, title, now, before, instead, prevented} = activity
  const section = (name: string, text: string) => ['', paint('cyan', name), ...wrap(text, {indent: 2, width})]
  return [
    `${paint('bold', id)}: ${title}`,
    ...section('beside an isolated thread', outcome(now)),
    ...(now.by ? section('by', `${now.by} (cause ${now.cause})`) : []),
    ...section(
      'measured',
      now.why === 'not run yet' ? 'not yet on a kernel of this series' : `Linux ${kernel}; ${machine}`,
    ),
    ...(before === undefined
      ? []
      : section(`without deferred interruptions (${beforeKernel})`, earlier(activity))),
    ...(now.result === 'held'
      ? []
      : [
          ...section(
            'what to do',
            instead ?? 'do it before the start or after the end, until it has been measured',
          ),
          ...(prevented === undefined && now.result === 'not tried'
            ? []
            : section(
                'isolctl apply',
                prevented === undefined ? 'does not prevent it' : `prevents it: step ${prevented}`,
              )),
        ]),
  ]
}

const filled = (text: string): string => wrap(text, {width: 100}).join('\n')
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
const count = (activities: readonly MeasuredActivity[], result: string): number =>
  activities.filter(({now}) => now.result === result).length
const allOf = ({subjects}: ActivityTable) => subjects.flatMap(({activities}) => activities)
const measuredOn = ({kernel, machine}: ActivityTable) =>
  kernel === 'none' ? 'Not measured yet.' : `Measured on Linux ${kernel}: ${machine}.`

/** The part of docs/launch.md on activities. Pure. */
export function launchTable(table: ActivityTable): string {
  const ending = allOf(table).filter(({now}) => now.result === 'broke' || now.result === 'died')
  return `${[
    filled(
      `${measuredOn(table)} \`isolctl explain activities\` lists them all, \`isolctl explain tcpdump\` says more of one, ` +
        'and [endurance.md](endurance.md) has the whole table. "Not tried" is not "harmless": the program or the file was ' +
        'missing, its command failed or took too long, or the run has not come to it.',
    ),
    [
      '| subject | isolation holds | ends isolation | not tried |',
      '| --- | --- | --- | --- |',
      ...table.subjects.map(
        ({subject, activities}) =>
          `| ${subject} | ${count(activities, 'held')} | ${count(activities, 'broke') + count(activities, 'died')} | ${count(activities, 'not tried')} |`,
      ),
    ].join('\n'),
    ...(ending.length === 0
      ? []
      : [
          [
            '| what ends isolation | instead |',
            '| --- | --- |',
            ...ending.map(({title, instead = ''}) => `| ${cell(title)} | ${cell(instead)} |`),
          ].join('\n'),
        ]),
  ].join('\n\n')}\n`
}

/** docs/endurance.md. Pure. */
export function endurancePage(table: ActivityTable): string {
  const all = allOf(table)
  const before = all.flatMap((activity) => activity.before ?? []).filter(({result}) => result !== 'not tried')
  return `${[
    '<!-- Generated by scripts/docs.ts from test/endurance/activities and docs/endurance.json; do not edit. -->',
    '# What an administrator may do beside an isolated thread',
    filled(
      `\`npm run test:endurance\` holds a thread isolated on one CPU, does one thing after the other on the housekeeping CPUs, and reads the kernel's record of the thread. ${measuredOn(table)}`,
    ),
    filled(
      `Of ${all.length} activities, isolation held beside ${count(all, 'held')} and ended by ${count(all, 'broke')}; at ${count(all, 'died')} the machine stopped; ${count(all, 'not tried')} were not tried. ` +
        `The column "before" is ${table.beforeKernel}, without deferred interruptions: ${before.filter(({result}) => result === 'broke').length} of ${before.length} ended isolation. It was measured earlier and with another program, whose commands may differ. It is empty where nothing was measured.`,
    ),
    ...table.subjects.map(({subject, activities}) =>
      [
        `## ${subject}`,
        [
          '| activity | before | now | put off |',
          '| --- | --- | --- | --- |',
          ...activities.map(
            (activity) =>
              `| ${cell(activity.title)} (\`${activity.id}\`) | ${cell(earlier(activity))} | ${cell(outcome({...activity.now, deferred: 0}))} | ${activity.now.deferred ?? ''} |`,
          ),
        ].join('\n'),
      ].join('\n\n'),
    ),
  ].join('\n\n')}\n`
}
