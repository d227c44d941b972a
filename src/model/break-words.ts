// SPDX-License-Identifier: MIT
import tables from './break-words.json' with {type: 'json'}
import type {IsolationRecord} from './isolation-record.ts'

/**
 * What is said of the end of a thread's isolation. The tables are those of native/lib/words.c (`npm run docs`), so that
 * status and preflight say what isol-reporter says. In a table the first row that fits is taken.
 */

interface Sentence {
  readonly needs: string
  readonly cause?: string
  /** Of the data. Absent: any. */
  readonly low?: string
  readonly high?: string
  readonly text: string
}

interface Help {
  readonly cause?: string
  /** One of these must fit. Absent: any record fits. */
  readonly words?: string
  readonly text: string
}

/** What somebody did, as far as functions and names of the record show it: struct activity in native/lib/words.h. */
interface Activity {
  readonly cause: string
  readonly where: string
  /** Absent: any. */
  readonly names?: string
  readonly text: string
}

const activities: readonly Activity[] = tables.activities
const sentences: readonly Sentence[] = tables.sentences
const helps: readonly Help[] = tables.helps
const names: Readonly<Record<string, Readonly<Record<string, string>>>> = tables.names

/** What ended isolation: "system call write (1)". Pure. */
export function breakSentence(record: IsolationRecord): string {
  const row = sentences.find(
    ({needs, cause, low = '0', high}) =>
      (cause === undefined || cause === record.cause) &&
      (high === undefined || (record.data >= BigInt(low) && record.data <= BigInt(high))) &&
      has(record, needs),
  )
  const text = activityText(record) ?? row?.text ?? record.cause
  return text.replaceAll(/\{([\w.]+)\}/g, (_, field: string) => fieldOf(record, field))
}

function activityText({cause, sender, intruder}: IsolationRecord): string | undefined {
  const name = cause === 'sched' ? intruder?.name : sender?.name
  if (sender === undefined || name === undefined) return undefined
  const anyWord = (words: string, fits: (word: string) => boolean) => words.split(' ').some(fits)
  return activities.find(
    (row) =>
      row.cause === cause &&
      anyWord(row.where, (word) => sender.function.includes(word) || sender.site.includes(word)) &&
      (row.names === undefined ||
        anyWord(row.names, (word) => (word.endsWith('/') ? name.startsWith(word) : name === word))),
  )?.text
}

/** The habit or the check that prevents such a break. Pure. */
export function breakHelp(record: IsolationRecord): string {
  const row = helps.find(
    ({cause, words}) =>
      (cause === undefined || cause === record.cause) &&
      (words === undefined || words.split(' ').some((word) => fits(record, word))),
  )
  return row?.text ?? ''
}

const nameOf = ({cause, data}: IsolationRecord): string | undefined => names[cause]?.[`${data}`]

function has(record: IsolationRecord, needs: string): boolean {
  switch (needs) {
    case 'nothing':
      return true
    case 'name':
      return nameOf(record) !== undefined
    case 'sender':
      return record.sender !== undefined
    case 'site':
      return record.sender !== undefined && record.sender.site !== ''
    case 'function':
      return record.sender !== undefined && record.sender.function !== ''
    case 'intruder':
      return record.intruder !== undefined
    default:
      throw new Error(`no record can have "${needs}"`)
  }
}

const OTHER = 'other:'

function fits(record: IsolationRecord, word: string): boolean {
  if (word.startsWith(OTHER)) return record.sender?.foreign === true && fits(record, word.slice(OTHER.length))
  if (record.cause !== 'ipi') return nameOf(record) === word
  const {sender} = record
  return sender !== undefined && (sender.function.includes(word) || sender.site.includes(word))
}

/** The kernel shows the names of other users' tasks to CAP_PERFMON only. */
const shownName = (name: string) => name || "another user's task"

/** The value of a {field} of a sentence. */
function fieldOf(record: IsolationRecord, field: string): string {
  const {cause, data, sender, intruder} = record
  const values: Readonly<Record<string, string | number | bigint | undefined>> = {
    cause,
    data,
    hex: `0x${data.toString(16)}`,
    vector: `0x${(data - 0x10000n).toString(16)}`,
    name: nameOf(record),
    'sender.cpu': sender?.cpu,
    'sender.pid': sender?.pid,
    'sender.name': sender && shownName(sender.name),
    'sender.site': sender?.site,
    'sender.function': sender?.function,
    'intruder.pid': intruder?.pid,
    'intruder.name': intruder && shownName(intruder.name),
  }
  return `${values[field] ?? '?'}`
}
