import { connectSource, cutOn, type SourceClient, type SourceConnection } from '@lifeboat/postgres/connection.ts'
import { pinSettings } from '@lifeboat/postgres/fingerprint/pin-settings.ts'
import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { copyStatement, fileEncoding } from '@lifeboat/postgres/table-export/copy.ts'
import { copyRows } from '@lifeboat/postgres/table-export/copy-rows.ts'
import { measureSequencesOf } from '@lifeboat/postgres/table-export/describe-tables.ts'
import { titleOf } from '@lifeboat/postgres/table-export/find-tables.ts'
import { measureExport } from '@lifeboat/postgres/table-export/measure-export.ts'
import type { TableRef } from '@lifeboat/shared/domain/restore-tables.ts'
import { LifeboatError } from '@lifeboat/shared/errors/lifeboat-error.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { isLive, type LiveTable, readLive } from './live-table.ts'
import { TABLES_SESSION } from './one-transaction.ts'
import type { TableOrigin } from './origin.ts'

/**
 * A database that holds the tables as they were, which nobody writes to. What is read of it is measured before.
 *
 * @param encoding of the database
 * @throws LifeboatError RESTORE_TABLE_ABSENT | SOURCE_…
 */
export async function databaseOrigin(
  connection: SourceConnection,
  { wanted, encoding }: { wanted: readonly TableRef[]; encoding: string },
  run: Pick<Run, 'signal' | 'log'>,
): Promise<TableOrigin> {
  await using opening = new AsyncDisposableStack()
  const client = opening.use(await connectSource(connection, TABLES_SESSION))
  opening.use(cutOn(run.signal, client))
  await client.query('begin isolation level repeatable read read only')
  await pinSettings(client)
  const found = await demandTables(client, wanted)
  const tables = []
  for (const table of found) tables.push({ ...table, ...(await measureExport(client, table)) })
  const sequences = await measureSequencesOf(client, found)
  const written = fileEncoding(encoding)
  const owned = opening.move()
  return {
    ...{ tables, sequences, encoding: written },
    async pour(table, into) {
      const source = found.find(({ title }) => title === table.title) as LiveTable
      await runPipeline([into], drain, run, { input: copyRows(client, copyStatement(source, written)) })
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
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
