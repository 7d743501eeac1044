import { copyRows } from '@lifeboat/postgres/copy-rows.ts'
import type { Run } from '@lifeboat/shared/run/run.ts'
import { endingTogether } from '@lifeboat/shared/run/together.ts'
import { copiedRows, type RowBlock } from './copied-rows.ts'
import type { LoadingPlace } from './load-dump.ts'

export interface DealtTable {
  /** The statement that takes its rows in: `COPY … FROM stdin`. */
  copy: string
  /** What the archive holds of it, until the signal fires. A piece is good until the next is asked for. */
  contents: (signal: AbortSignal) => AsyncIterable<Uint8Array>
}

export interface Dealing {
  /** How many sessions take rows at once. */
  sessions: number
  /** Of the texts in the archive, as PostgreSQL calls it: that of the database that was dumped. */
  encoding: string
}

/**
 * Loads the rows of one table by several sessions: whichever is ready takes the next block of them. Each commits for itself, so a failure leaves some of
 * the rows; and the blocks come to lie in the table in the order in which they were taken.
 *
 * @throws LifeboatError DRILL_RESTORE_FAILED | ARTIFACT_UNREADABLE | SOURCE_… · what reading the contents throws
 */
export async function dealRows(
  { copy: statement, contents }: DealtTable,
  place: LoadingPlace,
  { sessions, encoding }: Dealing,
  run: Run,
): Promise<void> {
  const { joint, failing } = endingTogether(run)
  // NOTE: a session that was told to end waits for what it asked for, so this has to hear of it too.
  const rows = copiedRows(contents(joint.signal), statement)
  const session = () => failing(copyRows(share(rows), { ...place, statement, encoding }, joint.signal))
  await Promise.allSettled(Array.from({ length: sessions }, session))
  await rows.return(undefined)
  joint.signal.throwIfAborted()
}

/** What each takes of it nobody else gets; one that gives up does not end it for the others. */
async function* share(rows: AsyncGenerator<RowBlock>): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { done, value } = await rows.next()
    if (done) return
    yield value.rows
    value.release()
  }
}
