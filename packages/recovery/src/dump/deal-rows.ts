import type { StoredData } from '@lifeboat/postgres/archive/data-in-file.ts'
import { drain } from '@lifeboat/postgres/pipeline/drain.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import { quoteLiteral } from '@lifeboat/postgres/sql-text.ts'
import type { Program } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { together } from '@lifeboat/shared/run/together.ts'
import { choosing } from './archive-list.ts'
import { copiedRows, type RowBlock } from './copied-rows.ts'
import { asRefusal, type LoadingPlace, psqlStage } from './load-dump.ts'

export interface Dealing {
  pgRestore: Program
  psql: Program
  /** How many sessions take rows at once. */
  sessions: number
  /** Of the texts in the archive, as PostgreSQL calls it: that of the database that was dumped. */
  encoding: string
}

/**
 * Loads the rows of one table by several sessions: pg_restore reads them out of the archive, and whichever session is ready takes the next block of
 * them. Each commits for itself, so a failure leaves some of the rows; and the blocks come to lie in the table in the order in which they were taken.
 *
 * @throws LifeboatError DRILL_RESTORE_FAILED | ARTIFACT_UNREADABLE | TOOL_KILLED
 */
export async function dealRows(
  archive: string,
  { id, copy }: Pick<StoredData, 'id' | 'copy'>,
  place: LoadingPlace,
  { pgRestore, psql, sessions, encoding }: Dealing,
  run: Run,
): Promise<void> {
  const taking = psqlStage(psql.path, place, [...settings(encoding), copy])
  const deal = async (script: AsyncIterable<Uint8Array>) => {
    const rows = copiedRows(script, copy)
    const session = (joint: Run) => runPipeline([taking], drain, joint, { input: share(rows) })
    await together(run, Array<typeof session>(sessions).fill(session))
  }
  const read = (chosen: string) => {
    const args = ['--section=data', chosen, '--file=-', archive]
    return runPipeline([{ tool: 'pg_restore', program: pgRestore.path, args, env: BASE_ENV }], deal, run)
  }
  try {
    await choosing(archive, [`${id};`], read)
  } catch (thrown) {
    throw asRefusal(thrown, run)
  }
}

/** What each takes of it nobody else gets; one that gives up does not end it for the others. */
async function* share(rows: AsyncGenerator<RowBlock>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { done, value } = await rows.next()
    if (done) return
    yield* value
  }
}

/** Those of pg_restore's own sessions that rows depend on. */
function settings(encoding: string): string[] {
  return [
    // One that a server does not have is not there.
    "SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')",
    `SET client_encoding = ${quoteLiteral(encoding)}`,
    'SET row_security = off',
    'SET xmloption = content',
    "SELECT pg_catalog.set_config('search_path', '', false)",
  ]
}
