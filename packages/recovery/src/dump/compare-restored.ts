import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { compareFingerprints, counted, type Difference } from '@lifeboat/postgres/fingerprint/compare.ts'
import { takeFingerprint } from '@lifeboat/postgres/fingerprint/take-fingerprint.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'

/** A restored table may be a little larger than its bound on the source; it must not lose its hash for that. */
const BOUND_SLACK = 1.5

export interface Compared {
  /** Speak against the restore. */
  against: Difference[]
  tolerated: Difference[]
  tables: number
  rows: number
  /** Tables compared by content, not by count alone. */
  hashed: number
}

export interface CompareOptions {
  run: Run
  hashTablesUpToBytes: number
  /** Forgives what the place of the restore brings along, e.g. roles of other databases. */
  forgive?: (difference: Difference) => string | undefined
}

/**
 * Did the same data, schema, sequences, settings and roles come back?
 *
 * @param clients of the restored database, to which nobody else writes: transactions begun one after another see the same
 */
export async function compareRestored(
  clients: readonly [SourceClient, ...SourceClient[]],
  expected: Fingerprint,
  { run, hashTablesUpToBytes, forgive = () => undefined }: CompareOptions,
): Promise<Compared> {
  const [client, ...helpers] = clients
  for (const each of clients) await each.query('begin isolation level repeatable read read only')
  const measured = await takeFingerprint(client, {
    hashTablesUpToBytes: hashTablesUpToBytes * BOUND_SLACK,
    helpers,
    signal: run.signal,
    report: (progress) => run.report({ ...progress, phase: 'check' }),
  })
  for (const each of clients) await each.query('commit')
  const differences = compareFingerprints(expected, underItsName(measured, expected.database)).map((difference) => {
    const tolerated = difference.tolerated ?? forgive(difference)
    return tolerated === undefined ? difference : { ...difference, tolerated }
  })
  return {
    against: counted(differences),
    tolerated: differences.filter(({ tolerated }) => tolerated !== undefined),
    tables: expected.tables.length,
    rows: measured.tables.reduce((sum, table) => sum + table.rows, 0),
    hashed: expected.tables.filter(({ hash }) => hash !== undefined).length,
  }
}

/** A database restored beside has another name, which stands in its settings too. */
function underItsName(measured: Fingerprint, database: string): Fingerprint {
  if (measured.database === database) return measured
  const settings = measured.settings.map((line) => {
    const [role, of, ...setting] = line.split('|')
    return [role, of === measured.database ? database : of, ...setting].join('|')
  })
  return { ...measured, database, settings: settings.toSorted() }
}
