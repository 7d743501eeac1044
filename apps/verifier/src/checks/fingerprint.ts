import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { compareRestored } from '@lifeboat/recovery/dump/compare-restored.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { Drill } from '../drill.ts'
import { type Answer, failed, passed } from '../findings.ts'

/** So many differences are told one by one; the rest as a number. */
const TOLD = 5

/** Did the same data, schema, sequences, settings and roles come back? */
export async function checkFingerprint(
  { run, rules }: Pick<Drill, 'run' | 'rules'>,
  clients: readonly [SourceClient, ...SourceClient[]],
  expected: Fingerprint,
): Promise<Answer> {
  const { hashTablesUpToBytes } = rules
  const { against, tolerated, ...counts } = await compareRestored(clients, expected, { run, hashTablesUpToBytes })
  if (against.length > 0) return failed(told(against.map(({ sentence }) => sentence)))
  const notes = tolerated.map(({ sentence, tolerated }) => `${sentence} ${tolerated}`)
  const same = `All ${counts.tables} tables with ${counts.rows} rows came back, ${counts.hashed} of them compared by content.`
  return passed([same, ...(notes.length > 0 ? [told(notes)] : [])].join(' '))
}

function told(sentences: readonly string[]): string {
  const more = sentences.length - TOLD
  return [...sentences.slice(0, TOLD), ...(more > 0 ? [`And ${more} more.`] : [])].join(' ')
}
