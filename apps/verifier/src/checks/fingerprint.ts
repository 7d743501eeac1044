import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { compareFingerprints, counted } from '@lifeboat/postgres/fingerprint/compare.ts'
import { takeFingerprint } from '@lifeboat/postgres/fingerprint/take-fingerprint.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { Drill } from '../drill.ts'
import { type Answer, failed, passed } from '../findings.ts'

/** So many differences are told one by one; the rest as a number. */
const TOLD = 5
/** A restored table may be a little larger than its bound on the source; it must not lose its hash for that. */
const BOUND_SLACK = 1.5

/** Did the same data, schema, sequences, settings and roles come back? */
export async function checkFingerprint(
  { run, rules }: Pick<Drill, 'run' | 'rules'>,
  clients: readonly [SourceClient, ...SourceClient[]],
  expected: Fingerprint,
): Promise<Answer> {
  const [client, ...helpers] = clients
  // Nobody else writes to a scratch server, so transactions begun one after another see the same.
  for (const each of clients) await each.query('begin isolation level repeatable read read only')
  const actual = await takeFingerprint(client, {
    hashTablesUpToBytes: rules.hashTablesUpToBytes * BOUND_SLACK,
    helpers,
    signal: run.signal,
    report: (progress) => run.report({ ...progress, phase: 'check' }),
  })
  for (const each of clients) await each.query('commit')
  const differences = compareFingerprints(expected, actual)
  const against = counted(differences)
  if (against.length > 0) return failed(told(against.map(({ sentence }) => sentence)))
  const rows = actual.tables.reduce((sum, table) => sum + table.rows, 0)
  const notes = differences.map(({ sentence, tolerated }) => `${sentence} ${tolerated}`)
  const hashed = expected.tables.filter(({ hash }) => hash !== undefined).length
  const same = `All ${expected.tables.length} tables with ${rows} rows came back, ${hashed} of them compared by content.`
  return passed([same, ...(notes.length > 0 ? [told(notes)] : [])].join(' '))
}

function told(sentences: readonly string[]): string {
  const more = sentences.length - TOLD
  return [...sentences.slice(0, TOLD), ...(more > 0 ? [`And ${more} more.`] : [])].join(' ')
}
