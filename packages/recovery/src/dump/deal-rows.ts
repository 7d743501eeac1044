import type { StoredData } from '@lifeboat/postgres/archive/data-in-file.ts'
import { copyRows } from '@lifeboat/postgres/copy-rows.ts'
import { runPipeline } from '@lifeboat/postgres/pipeline/run-pipeline.ts'
import type { Program } from '@lifeboat/postgres/tools/find-tools.ts'
import { BASE_ENV } from '@lifeboat/postgres/tools/stage.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { together } from '@lifeboat/shared/run/together.ts'
import { choosing } from './archive-list.ts'
import { copiedRows, type RowBlock } from './copied-rows.ts'
import { asRefusal, type LoadingPlace } from './load-dump.ts'

export interface Dealing {
  pgRestore: Program
  /** How many sessions take rows at once. */
  sessions: number
  /** Of the texts in the archive, as PostgreSQL calls it: that of the database that was dumped. */
  encoding: string
}

/**
 * Loads the rows of one table by several sessions: pg_restore reads them out of the archive, and whichever session is ready takes the next block of
 * them. Each commits for itself, so a failure leaves some of the rows; and the blocks come to lie in the table in the order in which they were taken.
 *
 * @throws LifeboatError DRILL_RESTORE_FAILED | ARTIFACT_UNREADABLE | SOURCE_… | TOOL_KILLED
 */
export async function dealRows(
  archive: string,
  { id, copy: statement }: Pick<StoredData, 'id' | 'copy'>,
  place: LoadingPlace,
  { pgRestore, sessions, encoding }: Dealing,
  run: Run,
): Promise<void> {
  const deal = async (script: AsyncIterable<Uint8Array>) => {
    const rows = copiedRows(script, statement)
    const session = ({ signal }: Run) => copyRows(share(rows), { ...place, statement, encoding }, signal)
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
