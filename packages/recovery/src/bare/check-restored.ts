import { connectSource, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import type { Difference } from '@lifeboat/postgres/fingerprint/compare.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import { type Compared, compareRestored } from '../dump/compare-restored.ts'
import type { Opened } from '../dump/open-dump.ts'
import type { Reader } from '../fetch/reader.ts'

/** Shown in pg_stat_activity. */
export const APPLICATION = 'lifeboat recover'
const SESSION = { applicationName: APPLICATION, lockTimeoutMs: 60_000 }
const HASH_UP_TO_BYTES = 100 * 1024 ** 3

/**
 * Holds a restored database against the fingerprint of its dump.
 *
 * @returns undefined when there is none to compare with
 * @throws LifeboatError RECOVERY_UNLIKE with the differences
 */
export async function checkRestored(
  reader: Reader,
  connection: SourceConnection,
  expected: Opened['fingerprint'] | undefined,
  forgive: (difference: Difference) => string | undefined,
  onPhase: (phase: string) => void,
): Promise<Compared | undefined> {
  if (!expected) return undefined
  onPhase('check')
  await using one = await connectSource(connection, SESSION)
  await using other = await connectSource(connection, SESSION)
  const compared = await compareRestored([one, other], expected, {
    ...{ run: reader.run, hashTablesUpToBytes: HASH_UP_TO_BYTES, forgive },
  })
  if (compared.against.length === 0) return compared
  const differences = compared.against.slice(0, 10).map(({ sentence }) => sentence)
  throw new LifeboatError('RECOVERY_UNLIKE', { differences, count: compared.against.length })
}

/** One statement, as whom the connection says. */
export async function ask(to: SourceConnection, sql: string): Promise<Record<string, unknown>[]> {
  await using client = await connectSource(to, SESSION)
  return (await client.query<Record<string, unknown>>(sql)).rows
}
