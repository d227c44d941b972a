// SPDX-License-Identifier: MIT
import type {Host} from '../../host/host.ts'
import {Exit} from '../../lib/exit.ts'
import {type Report, ReportSchema} from '../../schema/preflight.ts'
import type {Gate} from './record.ts'
import {verifyRunning} from './verify.ts'

/**
 * Why a trial failed; undefined if it passed. `isolctl` is the command that starts isolctl;
 * `patches` a folder like kernel-patches/.
 */
export async function judge(
  host: Host,
  gate: Gate,
  isolctl: readonly [string, ...string[]],
  patches?: string,
): Promise<string | undefined> {
  if (gate === 'boot') return undefined
  const problems = await verifyRunning(host, {patches})
  if (problems.length > 0) return problems.join('; ')
  if (gate === 'verify') return undefined
  try {
    const {stdout} = await host.run([...isolctl, 'preflight', '--json'], {
      answers: [Exit.ok, Exit.failures, Exit.unknown],
    })
    return whyUnfit(ReportSchema.parse(JSON.parse(stdout)))
  } catch (error) {
    return `preflight: ${(error as Error).message}`
  }
}

/** The checks that failed or are unknown; undefined if there are none. Pure. */
function whyUnfit({ok, checks}: Report): string | undefined {
  if (ok) return undefined
  const ids = (wanted: string) => checks.filter(({status}) => status === wanted).map(({id}) => id)
  const [failed, unknown] = [ids('fail'), ids('unknown')]
  const parts = [
    ...(failed.length > 0 ? [`${failed.join(', ')} failed`] : []),
    ...(unknown.length > 0 ? [`${unknown.join(', ')} unknown`] : []),
  ]
  return `preflight: ${parts.join('; ')}`
}
