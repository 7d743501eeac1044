import type { SourceClient } from '@lifeboat/postgres/connection.ts'
import { quoteIdent, quoteLiteral } from '@lifeboat/postgres/sql-text.ts'
import { measureSequencesOf } from '@lifeboat/postgres/table-export/describe-tables.ts'
import type { TableExport } from '@lifeboat/shared/domain/table-export.ts'
import type { LiveTable } from './live-table.ts'

type Sequence = TableExport['sequences'][number]

/**
 * Sets the sequences of these tables to what they were, where that is further than they are: a number that was given out once is not given out again, whatever
 * became of its row. A sequence obeys no transaction, and so keeps what it got here also when the rest comes to nothing; that costs numbers and no rows.
 */
export async function forwardSequences(
  client: SourceClient,
  lives: readonly LiveTable[],
  before: readonly Sequence[],
): Promise<void> {
  for (const { schema, name, usedBy } of await measureSequencesOf(client, lives)) {
    const was = before.find(({ usedBy: by }) => by.table === usedBy.table && by.column === usedBy.column)
    if (!was) continue
    const sequence = `${quoteIdent(schema)}.${quoteIdent(name)}`
    await client.query(
      `select setval(${quoteLiteral(sequence)}::regclass, was.value, was.called)
         from ${sequence} now, pg_sequence s, (select ${quoteLiteral(was.lastValue)}::bigint as value, ${was.isCalled} as called) was
        where s.seqrelid = ${quoteLiteral(sequence)}::regclass
          and (sign(was.value - now.last_value) = sign(s.seqincrement) or (was.value = now.last_value and was.called and not now.is_called))`,
    )
  }
}
