// SPDX-License-Identifier: MIT
/** The activities of an administrator, test/endurance/activities/*.yaml. */
import {readdirSync, readFileSync} from 'node:fs'
import {join} from 'node:path'
import {parse} from 'yaml'
import {z} from 'zod'

const ActivitySchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  /** What somebody does, in the imperative or as a noun. */
  title: z.string(),
  /** What else somebody might call it: programs, files, settings. */
  words: z.string().default(''),
  /** A program by its name, a file by its path, a kernel module by "+name". */
  needs: z.array(z.string()).default([]),
  /**
   * Shell text, for bash -eu, inside the lab machine. `inside` runs as the thread that becomes
   * isolated, before that. Variables: DEEDS (native/tools/deeds.c), HOLD (native/tools/hold.c), HELD
   * (the pid of the isolated thread), CPU (its CPU), KERNEL (the bzImage that runs).
   */
  setup: z.string().optional(),
  inside: z.string().optional(),
  run: z.string(),
  undo: z.string().optional(),
  /** Seconds until late effects have shown. */
  wait: z.number().default(0.5),
  /** Seconds that `run` may take. */
  limit: z.number().default(120),
  /** What to do instead, where it ends isolation. Absent: the help for the break says it. */
  instead: z.string().optional(),
  /** The step of `isolctl apply` that prevents it. */
  prevented: z.string().optional(),
})
const SubjectSchema = z.strictObject({subject: z.string(), activities: z.array(ActivitySchema)})

export type Activity = z.output<typeof ActivitySchema>
export type Subject = z.output<typeof SubjectSchema>

/** In the order in which they are tried: what takes CPUs away, and what may stop the machine, comes last. */
const SUBJECTS = [
  'processes',
  'memory',
  'files',
  'modules',
  'bpf',
  'network',
  'firewall',
  'cgroups',
  'observation',
  'settings',
  'isolated',
  'tracing',
  'cpus',
]

/** Throws when a file has a wrong field, or when a file of the folder is not in the order. */
export function readSubjects(folder = join(import.meta.dirname, 'activities')): readonly Subject[] {
  const stray = readdirSync(folder).filter((name) => !SUBJECTS.includes(name.replace(/\.yaml$/, '')))
  if (stray.length > 0) throw new Error(`not in the order of subjects: ${stray.join(' ')}`)
  return SUBJECTS.map((name) =>
    SubjectSchema.parse(parse(readFileSync(join(folder, `${name}.yaml`), 'utf8'))),
  )
}
