import { connectSource, cutOn, type SourceClient, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { diagnoseSql } from '@lifeboat/postgres/diagnose.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { copyStatement, fileEncoding } from '@lifeboat/postgres/table-export/copy.ts'
import { copyRows } from '@lifeboat/postgres/table-export/copy-rows.ts'
import { measureSequencesOf } from '@lifeboat/postgres/table-export/describe-tables.ts'
import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { type Measured, measureExport } from '@lifeboat/postgres/table-export/measure-export.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import type { ChosenHollow } from './choose-hollow.ts'
import { demandWhole } from './demand-whole.ts'
import { isLive, type LiveTable, readLive } from './live-table.ts'
import { TABLES_SESSION } from './one-transaction.ts'
import type { TableOrigin } from './origin.ts'

export interface OfDatabase {
  wanted: readonly TableRef[]
  /** It came out of a physical backup, in which unlogged tables are empty, whatever they held. */
  logged?: boolean
  /** Likewise, and files of other tables were left hollow. */
  chosen?: ChosenHollow | undefined
}

/**
 * A database that holds the tables as they were, which nobody writes to. What is read of it is measured before.
 *
 * @throws LifeboatError RESTORE_TABLE_ABSENT | RECOVERY_HOLLOW | SOURCE_…
 */
export async function databaseOrigin(
  connection: SourceConnection,
  about: OfDatabase,
  run: Pick<Run, 'signal' | 'log'>,
): Promise<TableOrigin> {
  await using opening = new AsyncDisposableStack()
  const client = opening.use(await connectSource(connection, TABLES_SESSION))
  opening.use(cutOn(run.signal, client))
  const { tables, sequences, encoding } = await measure(client, about).catch((thrown: unknown) => {
    run.signal.throwIfAborted()
    throw diagnoseSql(thrown)
  })
  const written = fileEncoding(encoding)
  const owned = opening.move()
  return {
    ...{ tables, sequences, encoding: written },
    async pour(table, into) {
      const source = tables.find(({ title }) => title === table.title) as LiveTable
      await runPipeline([into], drain, run, { input: copyRows(client, copyStatement(source, written)) })
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function measure(client: SourceClient, { wanted, logged = false, chosen }: OfDatabase) {
  await client.query('begin isolation level repeatable read read only')
  await pinSettings(client)
  if (chosen) await demandWhole(client, chosen, wanted)
  const found = await demandTables(client, wanted)
  const unlogged = found.filter((table) => table.unlogged).map(({ title }) => title)
  if (logged && unlogged.length > 0)
    throw new LifeboatError('RESTORE_TABLE_ABSENT', {
      absent: unlogged,
      problem: 'no physical backup holds an unlogged table',
    })
  const tables: (LiveTable & Measured)[] = []
  for (const table of found) tables.push({ ...table, ...(await measureExport(client, table)) })
  const { rows } = await client.query<{ encoding: string }>(`select current_setting('server_encoding') as encoding`)
  return { tables, sequences: await measureSequencesOf(client, found), encoding: rows[0]?.encoding ?? 'UTF8' }
}

/** @throws LifeboatError RESTORE_TABLE_ABSENT */
export async function demandTables(client: SourceClient, wanted: readonly TableRef[]): Promise<LiveTable[]> {
  const found: LiveTable[] = []
  for (const one of wanted) {
    const table = await readLive(client, one)
    if (!isLive(table))
      throw new LifeboatError('RESTORE_TABLE_ABSENT', { absent: [titleOf(one)], problem: table.problem })
    found.push(table)
  }
  return found
}
