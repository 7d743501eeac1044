import { connectSource, type SourceClient } from '@lifeboat/postgres/connection.ts'
import { diagnoseSql } from '@lifeboat/postgres/diagnose.ts'
import { measureSequences, withLaterSequences } from '@lifeboat/postgres/fingerprint/sequences.ts'
import { takeFingerprint } from '@lifeboat/postgres/fingerprint/take-fingerprint.ts'
import { quoteLiteral } from '@lifeboat/postgres/sql-text.ts'
import type { Fingerprint } from '@lifeboat/shared/domain/fingerprint.ts'
import type { BackupRun } from '../backup-run.ts'
import type { DumpPlan } from '../plan.ts'
import type { Snapshot } from './inspect.ts'

export interface FingerprintWork extends AsyncDisposable {
  /** Settles when the data is measured. */
  readonly measured: Promise<Fingerprint>
  /** The fingerprint with what sequences have become since; after the dump ended. */
  finish(): Promise<Fingerprint>
}

/** Starts measuring on a connection of its own inside the dump's snapshot, so that it goes on beside the dump. */
export async function startFingerprint(run: BackupRun, snapshot: Snapshot, plan: DumpPlan): Promise<FingerprintWork> {
  const session = { applicationName: `${run.applicationName} fingerprint`, lockTimeoutMs: plan.lockTimeoutMs }
  await using opening = new AsyncDisposableStack()
  const client = opening.use(await connectSource(run.source.connection, session))
  await importSnapshot(client, snapshot)
  let finished = false
  // What still runs in the server when we give up would go on reading for nobody.
  opening.defer(async () => {
    if (!finished) await cancelQuery(run, client)
  })
  const measured = takeFingerprint(client, {
    hashTablesUpToBytes: plan.hashTablesUpToBytes,
    rolePasswords: plan.rolePasswords,
    signal: run.signal,
    report: run.report,
  })
  // Awaited when the dump has ended; until then its failure must not count as unhandled.
  measured.catch(() => {})
  const open = opening.move()
  return {
    measured,
    async finish() {
      const fingerprint = await measured
      const complete = withLaterSequences(fingerprint, await measureSequences(client))
      finished = true
      return complete
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

async function importSnapshot(client: SourceClient, { name }: Snapshot): Promise<void> {
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    await client.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(name)}`)
  } catch (err) {
    throw diagnoseSql(err)
  }
}

async function cancelQuery(run: BackupRun, client: SourceClient): Promise<void> {
  const pid = (client as unknown as { processID?: number }).processID
  if (pid === undefined) return
  const session = { applicationName: `${run.applicationName} cancel`, lockTimeoutMs: 1_000, connectTimeoutMs: 5_000 }
  try {
    await using other = await connectSource(run.source.connection, session)
    await other.query('SELECT pg_cancel_backend($1)', [pid])
  } catch (err) {
    run.log.debug({ event: 'fingerprint.uncancelled', err }, 'the query could not be cancelled')
  }
}
